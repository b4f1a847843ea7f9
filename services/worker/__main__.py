"""`python -m services.worker`: one worker process."""

import sys

from services import real_time
from services.heap import keep_free_memory
from services.process import run_service
from services.slices import take_short_slices
from services.worker.app import WorkerService
from shared.settings import Settings


def main(settings: Settings) -> int:
    """Host shards until asked to stop; gives the exit code."""
    keep_free_memory()
    take_short_slices()
    return run_service("worker", WorkerService, settings, real_time.WORKER if settings.real_time else real_time.USUAL)


if __name__ == "__main__":
    sys.exit(main(Settings()))
