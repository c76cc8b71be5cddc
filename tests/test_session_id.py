"""Session ids are UUIDs of version 7 (RFC 9562 5.7)."""

from __future__ import annotations

import time
import uuid

import pytest

from relay.session_id import new_session_id, short_id


def at(milliseconds: int, monkeypatch: pytest.MonkeyPatch, random: int = 0) -> str:
    """An id made at that Unix time, of those 80 random bits."""
    monkeypatch.setattr(time, "time_ns", lambda: milliseconds * 1_000_000 + 999_999)
    monkeypatch.setattr("secrets.randbits", lambda bits: random & ((1 << bits) - 1))
    return new_session_id()


def test_it_is_the_rfcs_example(monkeypatch: pytest.MonkeyPatch) -> None:
    # RFC 9562 A.6: rand_a is 0xCC3, rand_b is 0x18C4DC0C0C07398F.
    random = 0xCC3 << 64 | 0x18C4DC0C0C07398F
    expected = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert at(0x017F22E279B0, monkeypatch, random) == expected


@pytest.mark.parametrize("random", [0, (1 << 80) - 1])
def test_version_and_variant(random: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = uuid.UUID(at(1, monkeypatch, random))
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122


@pytest.mark.parametrize("milliseconds", [0, -1, -(10**15), (1 << 48) - 1, 1 << 48])
def test_they_are_valid_whatever_the_clock_says(
    milliseconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = uuid.UUID(at(milliseconds, monkeypatch))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == milliseconds % (1 << 48)


def test_they_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = at(1_800_000_000_000, monkeypatch, (1 << 80) - 1)
    later = at(1_800_000_000_001, monkeypatch, 0)
    assert earlier < later


def test_they_differ() -> None:
    assert len({new_session_id() for _ in range(1000)}) == 1000


def test_ids_of_one_millisecond_have_other_beginnings(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [at(1_800_000_000_000, monkeypatch, number << 64) for number in range(256)]
    assert len(set(map(short_id, ids))) == 256
    assert all(each.startswith(short_id(each)) for each in ids)
