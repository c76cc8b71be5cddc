"""The wall clock can jump. What depends on it, and that nothing else does."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

import relay
from relay.protocol import Timeouts
from relay.protocol.frames import TEXT
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from tests.played_session import CREDENTIAL, TARGET, ask, error_of, open_session, session
from tests.protocol.handshakes import a_token
from tests.support import Variant, in_every_variant, trio_test

FOLDER = Path(relay.__file__).parent
PLAYED = {"doubles", "demo", "testing"}  # what is not real, and what is only for tests
_NOW = {"now", "today", "utcnow"}
EXPIRES = 2_000_000_000
WITH_TOKEN = "cf-aig-authorization: rly_known"
HELLO = Frame(TEXT, b"hello")


def reads_of_the_wall_clock() -> Iterator[tuple[str, str]]:
    """The files of the relay that read a clock, and how."""
    for path in sorted(FOLDER.rglob("*.py")):
        name = path.relative_to(FOLDER)
        if name.parts[0] in PLAYED:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                yield str(name), "from time"
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            module = node.value.id
            if module == "time" or (module in {"date", "datetime"} and node.attr in _NOW):
                yield str(name), f"{module}.{node.attr}"


def test_the_wall_clock_says_when_things_were_and_when_tokens_expire_and_no_more() -> None:
    """All else is Trio's clock, which does not jump: deadlines, quotas, what is remembered."""
    assert sorted(reads_of_the_wall_clock()) == [
        ("admin/sessions.py", "datetime.now"),  # what a page calls now
        ("admin/totals.py", "datetime.now"),  # the last thirty days
        ("cli/sessions.py", "datetime.now"),  # what "24h ago" is
        ("cli/sessions.py", "time.sleep"),
        ("last_hour.py", "time.time"),  # when a step of a plot was
        ("latency.py", "from time"),  # how long chunks stay, by a clock that does not jump
        ("metrics.py", "time.time"),  # when the relay began
        ("records/collector.py", "time.monotonic"),  # in a thread: a deadline that does not jump
        ("records/collector.py", "time.monotonic"),
        ("records/ledger.py", "datetime.now"),  # which records are too old
        ("session/opening.py", "datetime.now"),  # when a session began
        ("session/opening.py", "time.time"),  # whether a token has expired
        ("session_id.py", "time.time_ns"),
    ]
    assert trio.run(jumps_of_trios_clock) == 0


async def jumps_of_trios_clock() -> float:
    """By how much Trio's clock follows one that was set to another year."""
    with pytest.MonkeyPatch.context() as patch:
        before = trio.current_time()
        for name in ("time", "time_ns"):
            patch.setattr(time, name, lambda: 0)
        return (trio.current_time() - before) // 60


@in_every_variant
@trio_test
async def test_deadlines_of_an_open_session_know_no_wall_clock(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_session(variant, timeouts=Timeouts(idle=100)) as play:
        for now in (EXPIRES * 10, 0, -EXPIRES):
            monkeypatch.setattr(time, "time", lambda now=now: float(now))
            monkeypatch.setattr(time, "time_ns", lambda now=now: now * 10**9)
            await trio.sleep(99)
            await play.client.send(HELLO)
            assert await play.provider.receive() == HELLO
        began = trio.current_time()
        assert await play.client.answer_close() == close(1001, "idle timeout")
        assert trio.current_time() - began == 100
        await play.provider.answer_close()
        await play.client.end()
        await play.provider.end()


@trio_test
async def test_a_token_expires_by_the_clock_as_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set forward, it refuses early; set back, it lets in again; what is open goes on."""
    token = a_token("rly_known", expires=EXPIRES)
    monkeypatch.setattr(time, "time", lambda: EXPIRES - 1.0)
    async with session(authentication_required=True, tokens=(token,)) as play:
        await play.request(WITH_TOKEN)
        await play.accept()
        await play.client.receive_head()
        request = upgrade(TARGET, CREDENTIAL, WITH_TOKEN)
        monkeypatch.setattr(time, "time", lambda: EXPIRES)
        assert error_of(await ask(play.server, request)) == (401, 2009)
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        play.dial_errors = [OSError()]  # it comes as far as the provider
        monkeypatch.setattr(time, "time", lambda: -1.0)
        assert error_of(await ask(play.server, request)) == (500, 2000)
        await play.close()


@trio_test
async def test_openings_per_minute_know_no_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_session(openings_per_minute=1) as play:
        request = upgrade(TARGET, CREDENTIAL)
        for now in (EXPIRES * 10, 0):
            monkeypatch.setattr(time, "time", lambda now=now: float(now))
            refusal = await ask(play.server, request)
            assert error_of(refusal) == (429, 2003)
            assert refusal.values("Retry-After") == ["60"]
        await trio.sleep(60)
        play.dial_errors = [OSError()]
        assert error_of(await ask(play.server, request)) == (500, 2000)
        await play.close()
