"""The sessions that the demo holds: varied, again and again, and seen by the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import trio

from relay.demo.callers import CALLERS
from relay.demo.live import FAULTS, FAULTS_IN_WORDS, stay_live
from relay.demo.world import World, serve_world
from relay.doubles import parse_fault
from relay.prices import built_in_prices
from tests.support import real_clock

_PACE = 0.005
_FAST = dict(FAULTS) | {"assemblyai": parse_fault("late:20ms")}


@asynccontextmanager
async def _live(pace: float = _PACE) -> AsyncIterator[httpx.AsyncClient]:
    """The operator of a demo that holds its sessions."""
    async with trio.open_nursery() as nursery:
        serve = partial(serve_world, http_port=0, https_port=0, admin_port=0, faults=_FAST)
        world: World = await nursery.start(serve)
        nursery.start_soon(partial(stay_live, world, pace=pace))
        bearer = {"Authorization": f"Bearer {world.admin_token}"}
        async with httpx.AsyncClient(base_url=world.admin_url, headers=bearer) as client:
            yield client
        nursery.cancel_scope.cancel()


async def _sessions(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(path)).json()["sessions"]
    return found


async def _found(
    look: Callable[[], Awaitable[list[dict[str, Any]]]], wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The first one that is wanted, once there is one."""
    while True:
        for each in await look():
            if wanted(each):
                return each
        await trio.sleep(0.05)  # there is nothing to be told by


@real_clock
async def test_there_is_something_of_everything_to_see() -> None:
    async with _live() as client:
        for provider, explanation in (
            ("openai", "the client closed with 1000"),
            ("google", "the client closed with 1000"),
            ("elevenlabs", "the provider closed with 1000"),
            ("assemblyai", "the provider closed with 1000"),
            ("mistral", "the provider closed with 3000 insufficient_quota"),
            ("xai", "the provider refused it with 401"),
            ("", "the relay refused it with 400, code 2008: unknown provider"),
        ):
            which = f"provider={provider}" if provider else "outcome=refused"
            past = partial(_sessions, client, f"/api/sessions?{which}&limit=20")
            await _found(past, partial(_ended, provider, explanation))

        async def turns() -> list[dict[str, Any]]:
            (row,) = await _sessions(client, "/api/sessions?provider=openai&limit=1")
            session = (await client.get(f"/api/sessions/{row['id']}")).json()["session"]
            found: list[dict[str, Any]] = session["turns"]
            return found

        for interrupted in (True, False):
            await _found(turns, lambda turn, wanted=interrupted: turn["interrupted"] is wanted)  # type: ignore[misc]


def _ended(provider: str, explanation: str, row: dict[str, Any]) -> bool:
    """Whether that is a session that ended so, and has a cost if it was to have one."""
    if row["provider"] != provider or not row["explanation"].startswith(explanation):
        return False
    return bool(row["cost"]) or provider not in {"openai", "google", "elevenlabs"}


@real_clock
async def test_each_comes_again_and_one_keeps_silent() -> None:
    async with _live() as client:
        live = partial(_sessions, client, "/api/sessions/live")
        silent = await _found(live, lambda each: each["model"] == "gpt-realtime-mini")
        past = partial(_sessions, client, "/api/sessions?provider=mistral")
        first = await _found(past, bool)
        await _found(past, lambda each: each["id"] != first["id"])
        (row,) = [each for each in await live() if each["model"] == "gpt-realtime-mini"]
        assert (row["id"], row["bytes_in"]) == (silent["id"], 0)
        await client.post(f"/api/sessions/{row['id']}/end", json={"reason": "enough"})
        await _found(live, lambda each: each["model"] == row["model"] and each["id"] != row["id"])


@real_clock
async def test_at_the_pace_of_people_some_are_opening_some_talk_and_some_are_silent() -> None:
    async with _live(pace=1.0) as client:
        live = partial(_sessions, client, "/api/sessions/live")
        for model, state in (
            ("gpt-realtime", "talking"),
            ("flux-general-en", "talking"),
            ("eleven_flash_v2_5", "talking"),
        ):
            wanted = partial(_is, model, state)
            await _found(live, wanted)


def _is(model: str, state: str, row: dict[str, Any]) -> bool:
    return bool(row["model"] == model and row["state"] == state)


def test_the_faults_are_said_as_they_are() -> None:
    said = {provider: f"{FAULTS[provider]}, {words}" for provider, words in FAULTS_IN_WORDS.items()}
    assert said == {
        "assemblyai": "late:4s, answers an opening only after 4 s",
        "mistral": "close:after=6,3000 insufficient_quota, "
        "closes with 3000 insufficient_quota after 6 messages",
    }
    assert said.keys() == FAULTS.keys()


def test_their_models_have_prices_where_any_are_known() -> None:
    prices = built_in_prices()
    models = [
        ("openai", "gpt-realtime"),
        ("openai", "gpt-realtime-mini"),
        ("google", "gemini-3.8-live"),
        ("deepgram", "flux-general-en"),
        ("elevenlabs", "eleven_flash_v2_5"),
        ("assemblyai", "universal-streaming-english"),
        ("mistral", "voxtral-mini-transcribe-realtime-2602"),
    ]
    assert all(prices.name_of(*model) for model in models)
    named = " ".join(resource for caller in CALLERS for resource in caller.resources)
    assert all(model in named for provider, model in models if provider != "google")
