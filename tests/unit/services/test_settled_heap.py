"""What a service has loaded is left out of later collections: none of them holds the loop for long."""

import subprocess
import sys

PROGRAM = """
import gc
from services.heap import settle_heap

loaded = [[number] for number in range(50_000)]
settle_heap()
looked_at = len(gc.get_objects())
runs = []
gc.callbacks.append(lambda phase, info: runs.append(info["generation"]) if phase == "start" else None)
in_work = [[float(place)] for place in range(5_000)]
print(len(loaded) + len(in_work), looked_at < 5_000, runs)
"""


def test_collections_skip_what_lived_at_the_start_and_do_not_come_while_bodies_are_in_work() -> None:
    command = [sys.executable, "-c", PROGRAM]

    found = subprocess.run(command, check=True, capture_output=True, text=True)

    assert found.stdout.split(maxsplit=1) == ["55000", "True []\n"]
