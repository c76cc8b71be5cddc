"""Which faults the demo is asked for, and what it does with them."""

from __future__ import annotations

import io
from functools import partial

import pytest
import trio
from rich.console import Console

from relay.client import Closed, open_websocket, split_url
from relay.demo import demo
from relay.demo.faults import read_faults
from relay.demo.world import World, serve_world
from relay.doubles import DOUBLES
from relay.doubles.faults import Drop, Stall, parse_fault
from tests.demo.support import resource
from tests.support import real_clock


def test_nothing_is_asked_for() -> None:
    assert read_faults([]) == {}


def test_of_one_provider_by_any_of_its_names() -> None:
    assert read_faults(["openai=drop:after=3", "grok=stall"]) == {
        "openai": Drop(after=3),
        "xai": Stall(),
    }


def test_of_all_providers_but_those_that_have_their_own() -> None:
    faults = read_faults(["stall", "openai=drop"])
    assert set(faults) == set(DOUBLES)
    assert faults["openai"] == Drop()
    assert faults["google"] == Stall()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["acme=drop"], "there is no provider 'acme'"),
        (["=drop"], "there is no fault '=drop'"),
        (["openai="], "there is no fault ''"),
        (["xai=drop", "grok=stall"], "two faults for xai"),
        (["drop", "stall"], "two faults for all providers"),
    ],
)
def test_what_cannot_be_done_is_said(lines: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_faults(lines)


def test_the_demo_says_what_is_injected_and_talks_to_the_others() -> None:
    out = io.StringIO()
    faults = read_faults(["openai=close:3000 a", "google=stall", "elevenlabs=stall"])
    console = Console(file=out, width=100)
    run = partial(
        demo, once=True, http_port=0, https_port=0, admin_port=0, console=console, faults=faults
    )
    assert trio.run(run) is True
    printed = out.getvalue()
    assert "close:after=1,3000 a at openai:\n     send a Close" in printed
    assert "stall:after=1 at google, elevenlabs:\n     keep the connection" in printed
    assert [line.split()[-1] for line in printed.splitlines() if "cartesia" in line] == ["1000"]
    assert not any(line.startswith(("openai", "google", "eleven")) for line in printed.splitlines())


@real_clock
async def test_who_opens_a_session_of_a_faulty_provider_has_its_fault() -> None:
    async with trio.open_nursery() as nursery:
        faults = {"openai": parse_fault("close:after=0,3000 insufficient_quota")}
        serve = partial(serve_world, http_port=0, https_port=0, faults=faults)
        world: World = await nursery.start(serve)
        where = split_url(f"{world.plain_url}/{resource('openai')}")
        fields = [("cf-aig-authorization", world.token)]
        async with await trio.open_tcp_stream(where.host, where.port) as stream:
            connection = await open_websocket(stream, where.authority, where.target, fields=fields)
            with pytest.raises(Closed) as closed:
                await connection.receive()
        assert (closed.value.code, closed.value.reason) == (3000, "insufficient_quota")
        nursery.cancel_scope.cancel()
