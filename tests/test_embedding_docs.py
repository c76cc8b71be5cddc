"""docs/embedding.md: its snippets run, and its lists are those of the code."""

from __future__ import annotations

import math
import re
from dataclasses import asdict

import relay.protocol
from relay.protocol import Cause, State, closing
from tests.e2e.drivers import GUIDE, guide

PAGE = GUIDE.read_text(encoding="utf-8")


def test_the_snippets_run() -> None:
    assert callable(guide().serve)


def test_every_public_name_stands_in_the_list_once() -> None:
    section = PAGE.partition("## What is public")[2].partition("| --- | --- |")[2]
    assert sorted(re.findall(r"`(\w+)`", section)) == sorted(relay.protocol.__all__)


def test_the_deadlines_are_those_that_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]+ \| (?:yours|`Watch`)", PAGE, re.MULTILINE)
    defaults = asdict(relay.protocol.Timeouts())
    for name in ("ping_interval", "ping_timeout", "linger"):  # of the server
        del defaults[name]
    assert {name: math.inf if value == "none" else float(value) for name, value in rows} == defaults


def test_the_states_are_those_that_there_are() -> None:
    section = PAGE.partition("| `pipe.state` | |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` ", section, re.MULTILINE) == [each.name for each in State]


def test_the_causes_are_those_that_there_are() -> None:
    section = PAGE.partition("The third argument is the cause")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(?:closing\.)?([A-Z_]+)`", section))
    assert named == {name for name, each in vars(closing).items() if isinstance(each, Cause)}
