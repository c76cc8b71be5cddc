"""docs/embedding.md: its snippets run, and its lists are those of the code."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from dataclasses import asdict

import pytest
import uvloop

import relay.protocol
from relay.protocol import Cause, Leg, Limits, Pipe, State, closing
from tests.e2e.drivers import GUIDE, example, guide

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


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_has_broken_can_be_reset(run: Callable[..., None]) -> None:
    """Where it leads to is what the guide and the driver on asyncio do alike."""
    link_of, end_leg = example("asyncio_link").Link, guide().end_leg

    async def main() -> None:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            link = link_of(*await asyncio.open_connection(*server.sockets[0].getsockname()))
            link.abort()
            await link.writer.wait_closed()
            link.reset()
            await end_leg(link, Leg(None, b"", reset=True), Pipe(masked=True, limits=Limits()), 0)

    run(main())
