"""The builder: a process that builds segments, one order at a time, and stays warm between them.

It is apart from the optimizer because a build holds the interpreter for long stretches, because its libraries take tens
of seconds to compile in each new process, and because it may be killed in the middle without harm: what it writes lies
in a temporary directory until the optimizer renames it.

Started as `python -m services.optimizer.builder_process <parent pid>`, with the settings in its environment; orders
come in on standard input, answers leave on what was standard output; prints of libraries go to standard error.
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

import structlog

from services.log_setup import set_up_logging
from services.optimizer.messages import (
    BuildOrder,
    Built,
    FromBuilder,
    Progress,
    Ready,
    Refused,
    encode_frame,
    read_order,
)
from services.optimizer.process import die_with_parent, give_memory_back, lower_priority
from shared.errors import ShoalError
from shared.settings import Settings
from shared.store.crash import arm

log = structlog.get_logger(__name__)
Report = Callable[[str, int, int], None]
Work = Callable[[BuildOrder, Report], Built]


def serve(orders: BinaryIO, answers: BinaryIO, work: Work) -> None:
    """Carry out orders until the pipe closes."""

    def send(message: FromBuilder) -> None:
        answers.write(encode_frame(message))
        answers.flush()

    send(Ready(os.getpid()))
    while (order := read_order(orders)) is not None:
        try:
            send(work(order, lambda stage, done, total: send(Progress(stage, done, total))))
        except BrokenPipeError:
            return
        except (ShoalError, OSError) as error:
            send(Refused(type(error).__name__, str(error), is_expected=True))
        except Exception as error:  # a bug: it is told, and the optimizer puts a fresh process in this one's place
            log.exception("the builder met a bug", job_id=order.job_id)
            send(Refused(type(error).__name__, str(error) or repr(error), is_expected=False))
        give_memory_back()


def run(parent: int, work: Work, warm: Callable[[], None]) -> None:
    """Serve as the optimizer's child; `warm` runs beside the first orders."""
    die_with_parent(parent)
    settings = Settings()
    set_up_logging(settings.service_name, settings.log_level, settings.log_json)
    arm(settings.crash_point)
    lower_priority(settings.optimizer_nice)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=warm, name="warm", daemon=True).start()
    serve(sys.stdin.buffer, answers, work)
    os._exit(0)  # a warm-up in the middle of compiling must not hold up the exit


if __name__ == "__main__":
    from services.optimizer.build import build, warm

    run(int(sys.argv[1]), build, warm)
