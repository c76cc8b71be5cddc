"""Who may open Hume's endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

EVI = "/v0/evi/chat"
TTS = "/v0/tts/stream/input"
EXPRESSION = "/v1/expression/audio/realtime"
HEADER = ("X-Hume-Api-Key", KEY)
BEARER = ("Authorization", f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (EVI, [HEADER]),
        (f"{EVI}?config_id=c&api_key={KEY}", []),
        (f"{EVI}?access_token={KEY}", []),
        (TTS, [HEADER]),
        (f"{TTS}?api_key={KEY}", []),
        (f"{TTS}?access_token={KEY}", []),
        (EXPRESSION, [HEADER]),
        (EXPRESSION, [BEARER]),
    ],
)
@trio_test
async def test_every_slot_opens(target: str, headers: list[tuple[str, str]]) -> None:
    async with connect("hume", target, headers=headers):
        pass


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (EVI, []),
        (EVI, [BEARER]),
        (EVI, [("X-Hume-Api-Key", "wrong")]),
        (f"{EVI}?api_key=wrong", [HEADER]),
        (TTS, [BEARER]),
        (f"{TTS}?access_token=wrong", []),
        (f"{EXPRESSION}?api_key={KEY}", []),
        (f"{EXPRESSION}?access_token={KEY}", []),
        (EXPRESSION, [("Authorization", "Bearer wrong")]),
    ],
)
@trio_test
async def test_refusals(target: str, headers: list[tuple[str, str]]) -> None:
    status, body = await refusal("hume", target, headers=headers)
    assert status == 401
    assert body["message"] == "Unauthorized"


@pytest.mark.parametrize("path", ["/", "/v0/evi", "/evi/chat", "/v0/stream/models"])
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    assert (await refusal("hume", path, headers=[HEADER]))[0] == 404
