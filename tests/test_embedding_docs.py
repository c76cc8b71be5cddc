"""docs/embedding.md: its snippets run, and its lists are those of the code."""

from __future__ import annotations

import re

import relay.protocol
from tests.e2e.drivers import GUIDE, guide

PAGE = GUIDE.read_text(encoding="utf-8")


def test_the_snippets_run() -> None:
    assert callable(guide().serve)


def test_every_public_name_stands_in_the_list_once() -> None:
    section = PAGE.partition("## What is public")[2].partition("| --- | --- |")[2]
    assert sorted(re.findall(r"`(\w+)`", section)) == sorted(relay.protocol.__all__)


def test_the_deadlines_are_those_that_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (?:yours|`Watch`)", PAGE, re.MULTILINE)
    fields = relay.protocol.Timeouts.__dataclass_fields__
    apart = {"ping_interval", "ping_timeout", "linger"}  # of the server
    assert set(rows) == set(fields) - apart
