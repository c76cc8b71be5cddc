"""The demo as a whole, as the command runs it."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console

from relay import demo as demo_package
from relay.demo import demo
from relay.demo import world as world_module
from relay.demo.conversations import Progress, State
from relay.demo.examples import EXAMPLES, Example
from relay.demo.live import FAULTS
from relay.demo.world import World
from relay.doubles import parse_fault


def test_once_runs_the_four_conversations_and_returns() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100)
    run = partial(demo, once=True, http_port=0, https_port=0, admin_port=0, console=console)
    assert trio.run(run) is True
    assert "page" not in out.getvalue()
    lines = out.getvalue().splitlines()
    assert re.fullmatch(r"relay at wss://localhost:\d+/v1/demo/main", lines[0])
    assert re.fullmatch(r"     and ws://127\.0\.0\.1:\d+/v1/demo/main", lines[1])
    rows = lines[-4:]
    expected = (
        ("openai +header", r"1, \d+ B", r"\d\d, \d{4} B", r"\d+\+\d+ tokens"),
        ("google +entry", r"2, \d+ B", r"\d\d, \d{4} B", r"\d+\+\d+ tokens"),
        ("cartesia +entry", r"1, \d+ B", r"\d, \d+ KiB", "38 chars"),
        ("elevenlabs +entry", r"1, \d+ B", r"\d, \d+ KiB", "22 chars"),
    )
    for row, (provider, inbound, outbound, usage) in zip(rows, expected, strict=True):
        times = r"( +(\d\.\d|\d\d+) ms){2} +"
        assert re.fullmatch(f"{provider}{times}{inbound} +{outbound} +{usage} +1000 *", row), row


def test_a_failed_conversation_makes_it_false_and_stops_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def converse(
        example: Example, _world: World, progress: Progress, _changed: object
    ) -> None:
        await trio.lowlevel.checkpoint()
        if example.provider == "google":
            progress.state, progress.failure = State.FAILED, "it is raining"
        else:
            progress.state, progress.close_code = State.DONE, 1000

    monkeypatch.setattr(demo_package, "converse", converse)
    out = io.StringIO()
    console = Console(file=out, width=100)
    run = partial(demo, once=True, http_port=0, https_port=0, admin_port=0, console=console)
    assert trio.run(run) is False
    assert "google failed: it is raining" in out.getvalue()
    assert out.getvalue().count("1000") == 3


class _Screen(io.StringIO):
    """Says when a text has been written to it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.seen = trio.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._text in self.getvalue():
            self.seen.set()
        return written


def test_without_once_it_says_how_to_connect_and_serves_until_cancelled() -> None:
    screen = _Screen("Ctrl-C")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            console = Console(file=screen, width=100)
            run = partial(
                demo, once=False, http_port=0, https_port=0, admin_port=0, console=console
            )
            nursery.start_soon(run)
            await screen.seen.wait()
            await trio.testing.wait_all_tasks_blocked()
            page = re.search(r"http://127\.0\.0\.1:(\d+)/healthz", screen.getvalue())
            assert page is not None
            stream = await trio.open_tcp_stream("127.0.0.1", int(page[1]))  # it still serves
            await stream.aclose()
            nursery.cancel_scope.cancel()

    trio.run(main)
    printed = screen.getvalue()
    assert printed.count("new WebSocket(") == 2 * len(EXAMPLES)
    assert printed.count("with connect(") == len(EXAMPLES)
    page = r"^page  (http://127\.0\.0\.1:\d+)/   token (rly_\S{43})\n"
    found = re.search(page, printed, re.MULTILINE)
    assert found is not None
    url, token = found.groups()
    assert printed[found.end() :] == (
        f"also  export RELAY_ADMIN_TOKEN={token}\n"
        f"      relay top --url {url}\n"
        f"      relay tail --url {url} SESSION\n"
        "Serving until Ctrl-C.\n"
    )
    folder = re.search(r"NODE_EXTRA_CA_CERTS=(\S+)/ca\.pem", printed)
    assert folder is not None
    assert not Path(folder[1]).exists()


def test_live_it_holds_sessions_while_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    held, served = [], []

    async def stay_live(world: World) -> None:
        held.append(world)
        await trio.sleep_forever()

    async def serve_world(**options: Any) -> None:
        served.append(options["faults"])
        await world_module.serve_world(**options)

    monkeypatch.setattr(demo_package, "stay_live", stay_live)
    monkeypatch.setattr(demo_package, "serve_world", serve_world)
    screen = _Screen("Ctrl-C")
    mine = {"mistral": parse_fault("drop"), "cartesia": parse_fault("stall")}

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            console = Console(file=screen, width=100)
            run = partial(demo, once=False, live=True, http_port=0, https_port=0, admin_port=0)
            nursery.start_soon(partial(run, console=console, faults=mine))
            await screen.seen.wait()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(main)
    (world,) = held
    assert f"page  {world.admin_url}/   token {world.admin_token}" in screen.getvalue()
    assert served == [{**FAULTS, **mine}]
    double = "The double of assemblyai answers an opening only after 4 s (late:4s)."
    assert double in screen.getvalue().splitlines()
    assert "The double of mistral" not in screen.getvalue()  # what was asked for is said above
