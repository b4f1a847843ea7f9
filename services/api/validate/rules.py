"""Rules on values that parse: all that are broken are told together, as `path: text; path: text`, with status 422."""

from shared.errors import Invalid

Number = int | float


class Rules:
    """Takes values with their paths, raises Invalid with every broken rule."""

    def __init__(self) -> None:
        self._broken: list[str] = []

    def at_least(self, path: str, value: Number | None, low: Number) -> None:
        """`value` is None or not below `low`."""
        if value is not None and value < low:
            self._broken.append(f"{path}: value {value} invalid, must be {low} or larger")

    def within(self, path: str, value: Number | None, low: Number, high: Number) -> None:
        """`value` is None or in [low, high]."""
        if value is not None and not low <= value <= high:
            self._broken.append(f"{path}: value {value} invalid, must be from {low} to {high}")

    def broken(self, path: str, text: str) -> None:
        """A rule with its own text is broken."""
        self._broken.append(f"{path}: {text}")

    def check(self, where: str = "JSON body") -> None:
        """Raise Invalid if any rule is broken."""
        if self._broken:
            raise Invalid("; ".join(self._broken), where)
