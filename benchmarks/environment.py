"""The peers' own Python environment, made when it is not there: Shoal's own never holds them."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
FOLDER = HERE / ".venv"


def peers_python(given: Path | None, tell: Callable[[str], None]) -> Path:
    """Return the interpreter that has the peers: the given one, or that of benchmarks/.venv."""
    if given is not None:
        return given
    python, ready = FOLDER / "bin" / "python", FOLDER / ".ready"
    if not ready.exists() or ready.stat().st_mtime < REQUIREMENTS.stat().st_mtime:
        tell(f"installing the peers into {FOLDER} (once)")
        maker = "venv" if _has("venv", "ensurepip") else "virtualenv"
        subprocess.run([sys.executable, "-m", maker, str(FOLDER)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)], check=True)
        ready.touch()
    return python


def _has(*modules: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in modules)
