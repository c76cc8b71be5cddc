"""docs/meters.md names the meter of every endpoint, and what each meter counts."""

from __future__ import annotations

import re
from pathlib import Path

from relay.protocol import CATALOGUE
from relay.protocol.meters.catalogue import BY_MODEL, METERS
from relay.protocol.meters.tally import MAX_MODELS, MAX_OPEN_TURNS, MAX_TURNS

PAGE = (Path(__file__).parents[2] / "docs" / "meters.md").read_text(encoding="utf-8")


def test_the_table_has_every_endpoint_in_the_catalogues_order() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| `(/[^`]*)` \| `?([a-z-]+)`? \|$", PAGE, re.MULTILINE)
    assert rows == [
        (provider.name, endpoint.path, endpoint.meter or "none")
        for provider in CATALOGUE
        for endpoint in provider.endpoints
    ]


def test_every_meter_is_described_once() -> None:
    described = re.findall(r"^\| `([a-z-]+)` \|(?! `/)", PAGE, re.MULTILINE)
    assert sorted(described) == sorted([*METERS, *BY_MODEL, "compressed", "failed"])


def test_a_meter_that_sees_no_end_of_turns_is_named() -> None:
    (sentence,) = re.findall(r"when one ends: not of(.*?), and of", PAGE, re.DOTALL)
    named = set(re.findall(r"`([a-z-]+)`", sentence))
    transcribes = {"transcription", "scribe", "listen", "streaming", "expression", "speechmatics"}
    assert named | {"google-music"} == {
        name
        for name, meter in METERS.items()
        if not meter.ends_turns and not any(word in name for word in transcribes)
    }


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{MAX_TURNS:,} turns are kept, {MAX_OPEN_TURNS} at once; {MAX_MODELS} models" in PAGE
