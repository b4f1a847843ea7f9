"""The optimizer as a process of its own: `python -m services.optimizer`, set up by SHOAL_* variables."""

import sys

from services.optimizer.app import OptimizerService
from services.optimizer.process import lower_priority
from services.process import run_service
from shared.settings import Settings
from shared.store.crash import arm


def main(settings: Settings) -> int:
    """Optimize until asked to stop; gives the exit code."""
    arm(settings.crash_point)
    lower_priority(settings.optimizer_nice)
    return run_service("optimizer", OptimizerService, settings)


if __name__ == "__main__":
    sys.exit(main(Settings()))
