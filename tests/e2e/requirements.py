"""Programs that a test needs and that a machine may not have."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

__all__ = ["needs"]

_T = TypeVar("_T")


def needs(found: _T | None, what: str) -> _T:
    """Give what was found; else skip the test, or fail it where nothing may be skipped."""
    if found is not None:
        return found
    if os.environ.get("RELAY_SKIP_NOTHING"):
        pytest.fail(f"{what} is missing, and nothing may be skipped")
    pytest.skip(f"{what} is missing; .ci/run installs it")
