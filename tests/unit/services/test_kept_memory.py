"""A process that reads one large body after the other takes its memory from the kernel once. Measured in its own."""

import subprocess
import sys

import pytest

BODIES, BODY_MB = 50, 2
WORK = """
import platform, resource, sys
from services.heap import keep_free_memory
if sys.argv[1] == "kept":
    keep_free_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(int(sys.argv[2])):
    body = [bytearray(int(sys.argv[3]) * 2**18) for _ in range(4)]
    del body
print(platform.libc_ver()[0], resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keeps: bool) -> int:
    arguments = ["kept" if keeps else "", str(BODIES), str(BODY_MB)]
    done = subprocess.run(
        [sys.executable, "-c", WORK, *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    library, count = done.stdout.split()
    if library != "glibc":
        pytest.skip("another C library")
    return int(count)


def test_a_large_body_takes_the_memory_of_the_one_before() -> None:
    pages = BODY_MB * 2**20 // 4096

    assert faults(keeps=True) < 2 * pages
    assert faults(keeps=False) > BODIES * pages / 4
