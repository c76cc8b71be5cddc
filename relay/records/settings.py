"""What the configuration says about records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it loads slowly, and is not needed where nothing is recorded
    from sqlalchemy import URL

__all__ = ["STDOUT", "RecordSettings"]

STDOUT = "stdout"


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Where records go."""

    store: URL | None = None
    """A database; None for none. Its ``repr`` hides the password."""
    retention_days: int = 30
    """How long the store keeps them."""
    json_lines: Path | str | None = None
    """A file, or ``STDOUT``; None for nowhere."""
