"""The distinct texts of a growing column, numbered in the order in which they came."""

from collections.abc import Iterable, Iterator

OBJECT_BYTES = 120
"""What one entry of the dict costs beside its text, about."""

FREED_AT_ONCE = 16_384


class _Numbers(dict[str, int]):
    """Gives a new text the next number."""

    text_bytes = 0

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        self.text_bytes += len(text)
        return number


class GrowingTexts:
    """Texts to numbers and back, while a column grows."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._listed: list[str] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, texts: Iterable[str]) -> list[int]:
        """Return the numbers of the texts, new ones included."""
        return list(map(self._numbers.__getitem__, texts))

    def numbers_of(self, texts: Iterable[str]) -> list[int]:
        """Return the numbers of those texts that the dictionary holds."""
        found = (self._numbers.get(text, -1) for text in texts)
        return [number for number in found if number >= 0]

    def texts(self) -> list[str]:
        """Return all texts, in the order of their numbers."""
        if len(self._listed) < len(self._numbers):
            self._listed = list(self._numbers)
        return self._listed

    def drained(self) -> Iterator[str]:
        """Yield all texts in the order of their numbers, and forget them little by little.

        To free half a million texts at once keeps the interpreter for 50 ms.
        """
        texts, self._listed = self.texts(), []
        self._numbers = _Numbers()
        for first in range(0, len(texts), FREED_AT_ONCE):
            some = texts[first : first + FREED_AT_ONCE]
            texts[first : first + FREED_AT_ONCE] = [""] * len(some)
            yield from some

    @property
    def nbytes(self) -> int:
        return self._numbers.text_bytes + (OBJECT_BYTES + 8) * len(self._numbers)
