"""`python -m services.api`: one api process."""

import sys

from services import real_time
from services.api.app import ApiService
from services.heap import keep_free_memory
from services.process import run_service
from services.slices import take_short_slices
from shared.settings import Settings


def main(settings: Settings) -> int:
    """Serve until asked to stop; gives the exit code."""
    keep_free_memory()
    take_short_slices()
    is_urgent = settings.real_time and not settings.listen_socket
    return run_service("api", ApiService, settings, real_time.API if is_urgent else real_time.USUAL)


if __name__ == "__main__":
    sys.exit(main(Settings()))
