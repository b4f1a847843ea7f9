"""`shoal demo`, as `make demo` runs it, on a part of the shipped sample."""

import gzip
import subprocess
import sys

import numpy as np
import pytest

from services.demo.sample import SHIPPED
from services.demo.server import running_url

EVERY = {"points": 8, "queries": 2}


@pytest.fixture
def small_sample(tmp_path):
    """Some points and queries of the shipped sample, of all topics."""
    folder = tmp_path / "sample"
    folder.mkdir()
    for name, step in EVERY.items():
        np.save(folder / f"{name}.f16.npy", np.load(SHIPPED / f"{name}.f16.npy")[::step])
        lines = gzip.decompress((SHIPPED / f"{name}.jsonl.gz").read_bytes()).splitlines(keepends=True)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[::step])))
    return folder


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", "demo", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(300)
def test_the_demo_loads_indexes_searches_with_good_recall_and_stops_its_server_when_asked(tmp_path, small_sample):
    data_dir = tmp_path / "served"

    ran = demo("--data", str(small_sample), "--data-dir", str(data_dir), "--port", "0", "--stop")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "index: built" in ran.stdout
    assert "recall@10" in ran.stdout
    assert "stopped the service" in ran.stdout
    assert running_url(data_dir) is None


def test_a_taken_port_is_named_together_with_a_free_one(tmp_path, small_sample, taken_port):
    ran = demo("--data", str(small_sample), "--data-dir", str(tmp_path / "served"), "--port", str(taken_port))

    assert ran.returncode == 1
    assert f"port {taken_port} is taken" in ran.stdout
    assert "make demo PORT=" in ran.stdout
