"""The actors of an open shard, made and stopped together."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from services.worker.applier import Applier
from services.worker.column_builder import ColumnBuilder
from services.worker.publisher import Publisher, Surroundings
from services.worker.recovery import Recovered
from services.worker.shard import Shard
from services.worker.sharing import Common
from services.worker.successor import Successor
from shared.actor.supervisor import Supervisor

PUBLISH_S = 30.0
"""How long the last checkpoint may take."""


class ShardActors(NamedTuple):
    """Who applies, publishes, switches segments and builds columns."""

    applier: Applier
    publisher: Publisher
    successor: Successor
    builder: ColumnBuilder

    @property
    def are_settled(self) -> bool:
        """True when what was applied is published, and no column is to be built."""
        return self.publisher.is_settled and self.builder.is_settled

    def look(self) -> None:
        """Something may have left work for those in the background."""
        self.successor.look()
        self.builder.look()

    async def stop(self, supervisor: Supervisor, *, publish: bool) -> None:
        """Stop all; publish what is left where that is wanted. A column under way is left to its thread."""
        if not publish:
            self.publisher.abandon()
        await supervisor.stop(self.applier)
        await supervisor.stop(self.successor)
        await supervisor.stop(self.builder, 0.0)
        await supervisor.stop(self.publisher, PUBLISH_S)


def start_actors(
    shard: Shard, around: Surroundings, recovered: Recovered, common: Common, on_fault: Callable[[Exception], None]
) -> ShardActors:
    """Make the actors of a shard that was read from its files, and start them."""
    publisher = Publisher(shard, around, recovered.manifest)
    publisher.durable = recovered.durable
    builder = ColumnBuilder(shard, publisher, around.directory, common.columns, around.clock)
    successor = Successor(shard, publisher, around.directory, common.disk)
    applier = Applier(shard, partial(_applied, publisher, successor, builder), on_fault, common.disk)
    actors = ShardActors(applier, publisher, successor, builder)
    publisher.on_published = actors.look
    successor.on_switched = builder.look
    for actor in actors:
        common.supervisor.start(actor)
    return actors


def _applied(publisher: Publisher, successor: Successor, builder: ColumnBuilder, is_urgent: bool) -> None:
    publisher.applied(is_urgent)
    if is_urgent:
        successor.look()
        builder.look()
