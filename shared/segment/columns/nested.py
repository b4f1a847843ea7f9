"""The elements of nested arrays: what `nested` conditions ask, as a column like any other.

Every object that the path selects is a row of its own, with columns of its own over the paths in it. A filter over
elements gives the elements that satisfy all of it, and the rows that own them.
They are never written to files: no index is declared on elements.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from shared.schema.filters import Condition, FieldCondition, Filter, HasId, HasVector, Nested, Slice
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.segment import bits
from shared.segment.analysis import digest_of
from shared.segment.bits import Words
from shared.segment.columns.clauses import conditions_of, passing
from shared.segment.columns.element_texts import ElementTexts, element_reader
from shared.segment.columns.field_arrays import FieldArrays, Kind, StoredArrays
from shared.segment.columns.growable import Growable
from shared.segment.columns.paths import EVERY, Path, parse_path, path_text

if TYPE_CHECKING:
    from shared.segment.columns.column_set import ColumnSet

Indexes = Mapping[str, PayloadIndex]

OverElements = Callable[[Indexes, ElementTexts, bool], "ColumnSet"]
"""Makes columns over elements: by the indexes declared on paths in them, the elements, whether all are there."""


def elements_path(key: str) -> Path:
    """Return the path of the elements of the array that a `nested` condition names. Raises BadFormat."""
    return _every_element(parse_path(key))


def _every_element(path: Path) -> Path:
    return path if path[-1] is EVERY else (*path, EVERY)


def nested_kind(key: str, declared: Mapping[Path, PayloadIndex], over_elements: OverElements) -> Kind:
    """Return the kind that serves `nested` conditions on a key.

    declared   the indexes of the whole payload by path: those on texts say what texts in elements mean
    """
    indexes = _indexes_below(elements_path(key), declared)
    meanings = [f"{path} {digest_of(index.analysis)}" for path, index in sorted(indexes.items()) if index.analysis]
    make = partial(NestedColumn, indexes=indexes, over_elements=over_elements)
    return Kind(" ".join(["nested", *meanings]), make, _not_stored)


def _indexes_below(path: Path, declared: Mapping[Path, PayloadIndex]) -> dict[str, PayloadIndex]:
    return {
        path_text(whole[len(path) :]): index
        for whole, index in declared.items()
        if index.type is FieldType.TEXT and whole[: len(path)] == path and isinstance(_next(whole, path), str)
    }


def _next(whole: Path, path: Path) -> object:
    return whole[len(path)] if len(whole) > len(path) else None


def _not_stored(path: Path, arrays: StoredArrays) -> FieldArrays:
    raise AssertionError("elements are not stored")


class NestedColumn:
    """Elements over rows 0 … count-1. Grows by `extend`; `freeze` makes it compact and final."""

    def __init__(self, path: Path, indexes: Indexes, over_elements: OverElements) -> None:
        self.count = 0
        self._elements_of = element_reader(_every_element(path))
        self._owners = Growable(np.int32)
        self._texts = ElementTexts()
        self._make_columns = partial(over_elements, indexes)
        self._columns = self._make_columns(self._texts, False)
        self._frozen = False

    @property
    def is_frozen(self) -> bool:
        """True once no more rows come."""
        return self._frozen

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts."""
        rows, elements = self._elements_of(payloads)
        if rows:
            self._owners.append(np.asarray(rows, np.int32) + np.int32(self.count))
            self._texts.extend(elements)
        self.count += len(payloads)

    def freeze(self) -> None:
        """Take no more rows. Columns over the elements that are in memory stay so, and become final when next asked."""
        if not self._frozen:
            self._frozen = True
            self._owners.trim()
            self._texts.freeze()
            growing, self._columns = self._columns, self._make_columns(self._texts, True)
            self._columns.adopt(growing)

    def words(self, condition: FieldCondition) -> Words:
        """Return the rows that own an element which satisfies the whole filter."""
        assert isinstance(condition, Nested), "another kind of column serves this"
        passed = passing(condition.filter, bits.full(len(self._texts)), self._satisfying, self._cost)
        return bits.from_rows(self._owners.view()[bits.to_rows(passed)], self.count)

    def matching(self, condition: FieldCondition) -> int | None:
        """Return None: a row may own several elements that satisfy a filter."""
        return None

    def cold_rows(self, condition: FieldCondition) -> int:
        """Return how many elements must be parsed before the answer to a condition."""
        assert isinstance(condition, Nested), "another kind of column serves this"
        return sum(self._columns.column(one.key).cold_rows(one) for one in _field_conditions(condition.filter))

    @property
    def nbytes(self) -> int:
        """Memory of the elements; their columns are kept and counted as columns of their own."""
        return self._owners.nbytes + self._texts.nbytes

    def arrays(self) -> StoredArrays:
        """Elements are not stored."""
        raise AssertionError("elements are not stored")

    def _satisfying(self, condition: Condition) -> Words:
        if isinstance(condition, HasId | HasVector | Slice | Filter):
            assert not isinstance(condition, Filter), "clauses take filters apart"
            return bits.empty(len(self._texts))
        return self._columns.column(condition.key).matches(condition)

    def _cost(self, condition: Condition) -> int:
        if isinstance(condition, HasId | HasVector | Slice | Filter):
            return 0
        count = self._columns.column(condition.key).count(condition)
        return len(self._texts) if count is None else count


def _field_conditions(wanted: Filter) -> list[FieldCondition]:
    found: list[FieldCondition] = []
    for condition in conditions_of(wanted):
        if isinstance(condition, Filter):
            found += _field_conditions(condition)
        elif not isinstance(condition, HasId | HasVector | Slice):
            found.append(condition)
    return found
