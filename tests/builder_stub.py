"""A builder process whose work is told by the order's job id, for tests of its life and death."""

import os
import sys
import time
from pathlib import Path

from services.optimizer.builder_process import Report, run
from services.optimizer.messages import BuildOrder, Built, RecallMissed


def work(order: BuildOrder, report: Report) -> Built:
    """Do as the job id says."""
    report("graph", 1, 2)
    match order.job_id:
        case "die":
            os._exit(9)
        case "hang":
            Path(order.output).write_text(str(os.getpid()))
            time.sleep(600)
        case "refuse":
            raise RecallMissed("no such thing")
        case "bug":
            raise NameError("no such name")
        case "print":
            print("a library prints this")  # noqa: T201  # standard output must not be the pipe
        case _:
            pass
    return Built(rows=7, size_bytes=70, recall=0.99, attempts=1, seconds=0.1)


if __name__ == "__main__":
    run(int(sys.argv[1]), work, lambda: None)
