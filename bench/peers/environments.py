"""Environments of their own for peers that bring many packages with them.

They are made only when asked for, by `python -m bench.peers.NAME`, and removed with the folder.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(name: str) -> Path:
    """The folder of that environment, in the tree's `.bench`."""
    return ROOT / ".bench" / name


def missing(name: str, program: Path) -> str | None:
    """Says how to make the environment of that peer if its program is not there."""
    if program.exists():
        return None
    return f"it has no environment: python -m bench.peers.{name}"


ALONE = {"PYTHONPATH": ""}
"""Of their variables: else pip counts as installed what another environment has."""


def make(name: str, *commands: Sequence[str | Path]) -> None:
    """Run the commands that fill the environment, in its folder."""
    folder = environment(name)
    folder.mkdir(parents=True, exist_ok=True)
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, **ALONE})
