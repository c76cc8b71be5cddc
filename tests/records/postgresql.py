"""A PostgreSQL server of the tests' own, in a folder, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["programs", "server"]

_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; None if they are not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(_DEBIAN.glob("*/bin"), reverse=True)
    return next((each for each in folders if (each / "postgres").exists()), None)


@contextmanager
def server() -> Iterator[str]:
    """Run a server; gives the URL of a database.

    PostgreSQL refuses to run as root: then it runs as ``nobody``.
    """
    found = programs()
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="relay-postgresql-") as name:
        folder = Path(name)
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

        def run(program: str, *arguments: str) -> None:
            command = [str(found / program), "-D", str(folder / "data"), *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)

        run("initdb", "--auth=trust", "--username=relay", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "--wait", f"--log={folder / 'log'}", "-o", options, "start")
        try:
            yield f"postgresql://relay@/postgres?host={folder}"
        finally:
            run("pg_ctl", "--mode=immediate", "stop")
