"""Random operations on the log and on a plain model of it: dense positions, replays append nothing, none repeats."""

import asyncio
import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import OutcomeUnknown
from shared.log.connection import connect
from shared.log.position import RESUME_STEP, ShardKey
from shared.log.wal import AppendCall, Wal

PRODUCERS = ("one", "two")
SEQUENCES = 256

appends = st.tuples(
    st.just("append"), st.sampled_from(PRODUCERS), st.lists(st.binary(max_size=5), min_size=1, max_size=4)
)
replays = st.tuples(st.just("replay"), st.integers(0, 1000), st.none())
trims = st.tuples(st.just("trim"), st.integers(0, 40), st.integers(0, 40))
resumes = st.tuples(st.just("resume"), st.integers(-3, 3), st.none())
steps = st.lists(st.one_of(appends, appends, replays, trims, resumes), max_size=25)


@dataclass
class Model:
    """What the log must hold. `entries` by position, None for a resume; `done` are the calls that were appended."""

    entries: dict[int, bytes | None] = field(default_factory=dict)
    done: list[tuple[AppendCall, list[int]]] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    head: int = 0
    trimmed: int = 0
    used: set[int] = field(default_factory=set)

    def take(self, positions: list[int], entries: list[bytes | None]) -> None:
        assert not self.used & set(positions), "a position repeats"
        self.used.update(positions)
        self.entries.update(zip(positions, entries, strict=True))
        self.head = positions[-1]


async def check(wal: Wal, key: ShardKey, model: Model) -> None:
    """Compare all that can be read with the model."""
    entries = (await wal.read({key: 0}, 10_000, 0)).get(key, [])
    expected = {position: entry for position, entry in model.entries.items() if position > model.trimmed}
    assert [entry.position for entry in entries] == sorted(expected)
    assert all(expected[entry.position] in (None, entry.operation) for entry in entries)
    head = await wal.head(key)
    assert head.head == model.head
    assert head.waiting == sum(len(entry.operation) + 64 for entry in entries)


async def perform(wal: Wal, key: ShardKey, model: Model, step: tuple[str, object, object]) -> None:
    match step:
        case ("append", str(producer), list(entries)):
            sequence = model.sequences[producer] = model.sequences.get(producer, 0) + 1
            call = AppendCall(entries, 1, model.head, producer, sequence)
            positions = await wal.append(key, call)
            assert positions == list(range(model.head + 1, model.head + 1 + len(entries)))
            model.take(positions, list(entries))
            model.done.append((call, positions))
        case ("replay", int(which), _) if model.done:
            call, positions = model.done[which % len(model.done)]
            if model.sequences[call.producer] - call.sequence < SEQUENCES:
                assert await wal.append(key, call) == positions
            else:
                with pytest.raises(OutcomeUnknown):
                    await wal.append(key, call)
        case ("trim", int(through), int(hold)):
            await wal.hold(key, "test", model.trimmed + hold)
            await wal.trim(key, model.trimmed + through, fence=0)
            model.trimmed = max(model.trimmed, min(model.trimmed + min(through, hold), model.head))
        case ("resume", int(beyond), _):
            after = max(0, model.head + beyond)
            at = await wal.resume(key, after, fence=0)
            assert at == max(model.head, after) + RESUME_STEP
            model.take([at], [None])


@pytest.mark.parametrize("kind", ["fake", "real"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_the_log_agrees_with_its_model(
    kind: str, request: pytest.FixtureRequest, steps: list[tuple[str, object, object]]
) -> None:
    async def run() -> None:
        url = "memory://model" if kind == "fake" else f"unix://{request.getfixturevalue('redis_server')}"
        client = connect(url)
        wal, key, model = Wal(client), ShardKey(uuid.uuid4().hex, 0), Model()
        await wal.open_shard(key, generation=1)
        for step in steps:
            await perform(wal, key, model, step)
            await check(wal, key, model)
        await client.aclose()

    asyncio.run(run())
