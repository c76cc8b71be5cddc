"""Durations and sizes; how a configuration uses them is tested with it."""

from __future__ import annotations

import pytest

from relay.units import duration, size


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("500ms", 0.5), ("1.5s", 1.5), ("5m", 300), ("1h", 3600)]
)
def test_a_duration(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 s", "1s ", "1d", "1e3s", "١s"])  # noqa: RUF001
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match='must be a duration such as "500ms"'):
        duration(text)


@pytest.mark.parametrize(
    ("text", "count"), [("1B", 1), ("16KiB", 16384), ("32MiB", 32 * 1024**2), ("2GiB", 2 * 1024**3)]
)
def test_a_size(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "1", "0B", "1.5KiB", "1KB", "1 B", "-1B", "1B\n"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match='must be a size such as "512B"'):
        size(text)
