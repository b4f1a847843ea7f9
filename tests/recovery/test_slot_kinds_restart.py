"""A worker that starts again shows every kind of vector as it was written: by its files and by the log after them."""

import random
from pathlib import Path

import orjson
from redis.asyncio import Redis

from services.api.render import render_records
from shared.schema.operations import Seal
from shared.schema.queries import PointsReply
from tests.builders import retrieve
from tests.kinds import MIXED, random_point, shown, written
from tests.worker_bench import Bench


async def test_every_kind_of_vector_survives_a_restart(redis: Redis, tmp_path: Path) -> None:
    bench, source = Bench(redis, tmp_path), random.Random(8)
    batches = [[random_point(source, one) for one in source.sample(range(40), 15)] for _ in range(4)]
    first, second, third, fourth = (written(MIXED, batch) for batch in batches)
    await bench.worker.start()
    record = await bench.create(MIXED)
    await bench.write(record, first, Seal("a00000001"), second)
    await bench.until(record, lambda described: described.checkpoint == 3)

    await bench.worker.stop()
    await bench.write(record, third, fourth)
    await bench.restart_stopped()
    reply = await bench.ask(record, retrieve(*range(40)), min_position=5)
    await bench.worker.stop()

    assert isinstance(reply, PointsReply)
    text = orjson.dumps(render_records(reply.points, MIXED), option=orjson.OPT_SERIALIZE_NUMPY)
    last = {point["id"]: shown(point) for batch in batches for point in batch}
    assert {point["id"]: point["vector"] for point in orjson.loads(text)} == last
