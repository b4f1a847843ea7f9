"""A segment's columns: built when a filter first names a path, kept under the cache's budget, grown as rows come.

A row's payload may be edited after it was appended (an overlay). The column over the rows' own payloads is left alone;
a second column covers the edits, in the order in which they were made, and the last edit of a row overrides its bit. A
third covers what the layers of patched rows put: a row of it stands for all rows of a layer (layers.py).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition, MatchAny, Nested, Range
from shared.schema.payload_index import PayloadIndex
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.arrays import PLAIN, ColumnArrays
from shared.segment.columns.cache import ColumnCache, ColumnName
from shared.segment.columns.column import Column
from shared.segment.columns.edits import Edits, EditsSeen
from shared.segment.columns.element_texts import ElementTexts
from shared.segment.columns.field_arrays import Counted, Faceting, FieldArrays, Found, Kind, Ordered, Ordering
from shared.segment.columns.kept_columns import KeptColumns, Texts
from shared.segment.columns.kept_words import KeptWords
from shared.segment.columns.kinds import kind_of, kind_of_order
from shared.segment.columns.layers import layer_texts, overridden, parts_of, touching
from shared.segment.columns.merging import merged_facets, merged_orders, repeated
from shared.segment.columns.nested import NestedColumn, nested_kind
from shared.segment.columns.number_column import NumberColumn
from shared.segment.columns.paths import parse_path
from shared.segment.patched_rows import Layers, fitted

T = TypeVar("T")
U = TypeVar("U")


_ALWAYS_PLAIN = (MatchAny, Range)
"""The usual conditions, which one kind of column answers whatever is declared."""

_LISTED = (ColumnArrays, NumberColumn)
"""Columns that have lists of rows by value, once they are final."""


class _Said(NamedTuple, Generic[T]):
    """What parts of a column said: of own payloads; of edits, with the row of each; of each layer, with its rows."""

    own: T
    edited: tuple[T, Rows] | None
    layered: list[tuple[T, Words]]


class ColumnSet(KeptColumns):
    """The columns of one segment, and the answers to questions about them; see KeptColumns for the parameters."""

    def __init__(
        self,
        payloads: Texts,
        count: Callable[[], int],
        cache: ColumnCache | None = None,
        *,
        final: bool = False,
    ) -> None:
        super().__init__(payloads, count, cache, final=final)
        self._edits = Edits()
        self._kept_words = KeptWords()

    def column(self, key: str) -> Column:
        """Return the column of one payload path; nothing is read yet. Raises BadFormat."""
        parse_path(key)
        return Column(self, key)

    def kind_of(self, key: str, asked: FieldCondition | OrderBy | None = None) -> Kind:
        """Return the kind of column that answers a condition or an order on a path; without either, facets."""
        if asked is None or type(asked) in _ALWAYS_PLAIN:
            return PLAIN
        if isinstance(asked, OrderBy):
            return kind_of_order(asked)
        if isinstance(asked, Nested):
            return nested_kind(key, self._by_path, partial(_over_elements, self._cache))
        return kind_of(asked, self._by_path.get(parse_path(key)))

    @property
    def edit_count(self) -> int:
        """How many changes of payloads there ever were: what was asked before the last one may not be true any more."""
        return self._edits.count

    def overlay(self, row: int, payload: bytes) -> None:
        """Note that a row's payload is this text from now on. Does not wait for a filter that is running."""
        self._edits.add(row, payload)

    def overlay_layers(self, layers: Layers) -> None:
        """Note the layers of patched rows that are in force from now on, over all edits until now."""
        self._edits.add_layers(layers)

    def cold_rows(self, key: str, asked: FieldCondition | OrderBy | None = None) -> int:
        """Return how many rows, elements of them and edits the next question to a column must parse first.

        Rows of a sealed segment whose column is not yet made final count as well.
        """
        name = ColumnName(parse_path(key), self.kind_of(key, asked).name)
        column = self._kept(name)
        cold = self._count() + self._cold_edits(name)
        if isinstance(asked, Nested) and isinstance(column, NestedColumn):
            return cold - column.count + column.cold_rows(asked)
        is_ready = column is not None and column.is_frozen >= self._final
        return cold - (column.count if column is not None and is_ready else 0)

    def _cold_edits(self, name: ColumnName) -> int:
        edits = self._edits.seen()
        column = self._kept(name._replace(age=edits.age)) if len(edits.rows) else None
        return len(edits.rows) - (0 if column is None else column.count)

    def words(self, key: str, condition: FieldCondition) -> Words:
        """Return the rows that satisfy a condition on a path, overlays included; ceil(count / 64) words, read only.

        A sealed segment's words are kept, for conditions that come again and again.
        """
        kind = self.kind_of(key, condition)
        edits = self._edits.seen()
        if not self._final:
            return self._words(key, kind, condition, edits)
        return self._kept_words.words(
            kind.name, condition, edits.serial, lambda: self._words(key, kind, condition, edits)
        )

    def matching(self, key: str, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy a condition where that takes no scan; None elsewhere.

        It is known of kept words, and of a sealed segment's column that is in memory where no payload was edited.
        """
        if not self._final:
            return None
        kind = self.kind_of(key, condition)
        edits = self._edits.seen()
        known = self._kept_words.count(kind.name, condition, edits.serial)
        if known is not None or not edits.is_empty:
            return known
        column = self._kept(ColumnName(parse_path(key), kind.name))
        return column.matching(condition) if column is not None and column.is_frozen else None

    def found(self, key: str, condition: FieldCondition, most: int) -> Found | None:
        """Return the rows that satisfy a condition where lists of rows by value say them, and nothing is kept.

        None elsewhere: of a column that is not in memory, of edited payloads, of conditions on rows without values.
        """
        column = self._listing(key, condition)
        return None if column is None else column.found(condition, most)

    def holds(self, key: str, condition: FieldCondition, rows: Rows) -> npt.NDArray[np.bool_] | None:
        """Return which of some rows satisfy a condition, where that takes no look at others; None elsewhere."""
        column = self._listing(key, condition)
        return column.holds(condition, rows) if isinstance(column, ColumnArrays) else None

    def _listing(self, key: str, condition: FieldCondition) -> ColumnArrays | NumberColumn | None:
        """Return the final column for a condition, where it is in memory and tells all: no payload was edited."""
        if not self._final or not self._edits.is_empty:
            return None
        column = self._kept(ColumnName(parse_path(key), self.kind_of(key, condition).name))
        return column if isinstance(column, _LISTED) and column.is_frozen else None

    def facet(self, key: str, words: Words) -> Counted:
        """Return the distinct values of the rows in words and how many rows have each, overlays included."""

        def ask(column: FieldArrays, words: Words) -> Counted:
            assert isinstance(column, Faceting), "values of this kind are not counted"
            return column.facet(words)

        said = self._ask_parts(key, PLAIN, words, ask)
        layered = [[(value, bits.count(rows)) for value, _ in values] for values, rows in said.layered]
        return merged_facets([said.own, *([] if said.edited is None else [said.edited[0]]), *layered])

    def ordered(self, key: str, words: Words, order: OrderBy, limit: int) -> Ordered:
        """Return the first `limit` values in an order and the row of each, and all ties; overlays included."""

        def ask(column: FieldArrays, words: Words) -> Ordered:
            assert isinstance(column, Ordering), "values of this kind have no order"
            return column.ordered(words, order, limit)

        said = self._ask_parts(key, kind_of_order(order), words, ask)
        parts = [said.own, *(repeated(values, rows, limit) for (values, _), rows in said.layered)]
        if said.edited is not None:
            (values, numbers), rows = said.edited
            parts.append((values, rows[numbers]))
        return merged_orders(parts, limit, is_descending=order.is_descending)

    def _words(self, key: str, kind: Kind, condition: FieldCondition, edits: EditsSeen) -> Words:
        def ask(column: FieldArrays) -> Words:
            return column.words(condition)

        base, edited = self._ask(key, kind, edits, ask, ask)
        if edits.is_empty:
            return base
        return overridden(base, edits, edited, self._layered(key, kind, edits, condition))

    def _layered(
        self, key: str, kind: Kind, edits: EditsSeen, condition: FieldCondition
    ) -> list[tuple[int, bool]] | None:
        """Return the layers that touch a path and whether what they put satisfies a condition."""
        touched = touching(edits, str(parse_path(key)[0])) if edits.layers else None
        if not touched:
            return None
        words = self._ask_layers(key, kind, edits, lambda over_layers: over_layers.words(condition))
        return [(number, bits.passes(words, number)) for number in touched]

    def _ask_parts(self, key: str, kind: Kind, words: Words, ask: Callable[[FieldArrays, Words], T]) -> "_Said[T]":
        """Ask the columns over own payloads, edits and layers, each about those rows in words for which it counts."""
        edits = self._edits.seen()
        if edits.is_empty:
            return _Said(self._ask(key, kind, edits, lambda base: ask(base, words), lambda _: None)[0], None, [])
        count = max(self._count(), 64 * len(words))
        parts = parts_of(edits, str(parse_path(key)[0]), count)
        among = fitted(words, bits.word_count(count))
        counting = parts.edits[bits.test(among, edits.rows[parts.edits])]
        own, edited = (parts.own & among)[: len(words)], bits.from_rows(counting, len(edits.rows))
        answers = self._ask(key, kind, edits, lambda base: ask(base, own), lambda over: (ask(over, edited), edits.rows))
        layered: list[tuple[T, Words]] = []
        for number, rows in parts.layered:
            one = bits.from_rows([number], len(edits.layers))
            if (rows & among).any():
                layered.append((self._ask_layers(key, kind, edits, _about(ask, one)), rows & among))
        return _Said(*answers, layered)

    def _ask_layers(self, key: str, kind: Kind, edits: EditsSeen, question: Callable[[FieldArrays], T]) -> T:
        """Return what the column over the layers' payloads says: row n of it stands for layer n."""
        name = ColumnName(parse_path(key), kind.name, age=-edits.layers_age)
        with self._lock_of(name):
            return question(self._grown(name, kind, len(edits.layers), lambda *_: layer_texts(edits)))

    def _ask(
        self,
        key: str,
        kind: Kind,
        edits: EditsSeen,
        of_base: Callable[[FieldArrays], T],
        of_edits: Callable[[FieldArrays], U],
    ) -> tuple[T, U | None]:
        """Return what the column over the rows' own payloads says, and that over the edits; None without edits."""
        name = ColumnName(parse_path(key), kind.name)
        column = self._kept(name)
        if column is not None and column.is_frozen and not len(edits.rows):
            return of_base(column), None
        with self._lock_of(name):
            base = of_base(self._grown(name, kind, self._count(), self._payloads))
            if not len(edits.rows):
                return base, None
            over_edits = name._replace(age=edits.age)
            return base, of_edits(self._grown(over_edits, kind, len(edits.rows), edits.payloads))


def _over_elements(
    cache: ColumnCache, indexes: Mapping[str, PayloadIndex], texts: ElementTexts, final: bool
) -> ColumnSet:
    """Return the columns over the elements of nested arrays. They know the texts only: no cycle keeps them alive."""
    columns = ColumnSet(texts.texts, texts.__len__, cache, final=final)
    columns.declare(indexes)
    return columns


def _about(ask: Callable[[FieldArrays, Words], T], words: Words) -> Callable[[FieldArrays], T]:
    return lambda column: ask(column, words)
