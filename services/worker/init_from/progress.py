"""How far a new collection's shard is with the points of another collection: said in words and in numbers."""

from services.worker.init_from.filling import Done


class Progress:
    """Replaced step by step while a shard is begun.

    source       the other collection's name
    generation   of the config that the shard will have
    """

    def __init__(self, source: str, generation: int) -> None:
        self._source = source
        self.generation = generation
        self._stage = f"the positions of `{source}` to begin with are awaited"
        self.done = Done(0, 0)

    def cutting(self) -> None:
        """The cut is being made."""
        self._stage = f"`{self._source}` is being cut"

    def filling(self, done: Done) -> None:
        """So many points were looked at."""
        self.done = done
        share = f", {100 * done.points // done.total} %" if done.total else ""
        self._stage = f"{done.points} of about {done.total} points of `{self._source}` are taken over{share}"

    @property
    def text(self) -> str:
        """Say it to a person."""
        return f"the collection begins with another's points: {self._stage}"

    @property
    def counters(self) -> dict[str, float]:
        """Say it to a program."""
        return {"begun_points": self.done.points, "begun_points_total": self.done.total}
