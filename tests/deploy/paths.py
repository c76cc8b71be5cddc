"""Where things are, and programs that come with a package of the extra ``deploy``."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from tests.e2e.requirements import needs

__all__ = ["DEPLOY", "ROOT", "program"]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    """The command of that name beside this Python."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    return needs(found, f"{name} (pip install '.[deploy]')")
