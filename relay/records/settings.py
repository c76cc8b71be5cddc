"""What the configuration says about records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from relay.key_source import KeySource

if TYPE_CHECKING:  # it loads slowly, and is not needed where nothing is recorded
    from sqlalchemy import URL

__all__ = ["STDOUT", "Collector", "OtlpSettings", "RecordSettings"]

STDOUT = "stdout"


@dataclass(frozen=True, slots=True)
class Collector:
    """Where OTLP is spoken."""

    tls: bool
    host: str
    port: int
    authority: str
    """As the URL has it, for ``Host``."""
    path: str


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """How traces are sent."""

    collector: Collector
    headers: Mapping[str, KeySource] = field(default_factory=dict, repr=False)
    """Field lines that go with them, by name in lower case."""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Where records go."""

    store: URL | None = None
    """A database; None for none. Its ``repr`` hides the password."""
    retention_days: int = 30
    """How long the store keeps them."""
    json_lines: Path | str | None = None
    """A file, or ``STDOUT``; None for nowhere."""
    otlp: OtlpSettings | None = None
    """A collector of traces; None for none."""
