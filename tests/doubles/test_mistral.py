"""Who may open Mistral's realtime audio endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

TRANSCRIPTION = "/v1/audio/transcriptions/realtime"
SPEECH = "/v1/audio/speech/realtime"
BEARER = ("Authorization", f"Bearer {KEY}")
TOKEN = f"rt_{KEY}"


@pytest.mark.parametrize("path", [TRANSCRIPTION, SPEECH])
@pytest.mark.parametrize(
    ("headers", "subprotocols", "answered"),
    [
        ([BEARER], [], None),
        ([], ["realtime", TOKEN], "realtime"),
        ([], [TOKEN, "realtime"], "realtime"),
        ([BEARER], ["realtime"], "realtime"),
    ],
)
@trio_test
async def test_every_slot_opens_every_endpoint(
    path: str, headers: list[tuple[str, str]], subprotocols: list[str], answered: str | None
) -> None:
    target = f"{path}?model=voxtral"
    async with connect("mistral", target, headers=headers, subprotocols=subprotocols) as peer:
        assert peer.subprotocol == answered


@pytest.mark.parametrize("path", [TRANSCRIPTION, SPEECH])
@pytest.mark.parametrize(
    ("query", "headers", "subprotocols", "status"),
    [
        ("?model=m", [], [], 401),
        ("?model=m", [("Authorization", "Bearer wrong")], [], 401),
        ("?model=m", [("Authorization", f"Bearer {TOKEN}")], [], 401),
        (f"?model=m&api_key={KEY}", [], [], 401),
        ("?model=m", [], ["realtime"], 401),
        ("?model=m", [], ["realtime", KEY], 401),
        ("?model=m", [], [TOKEN], 401),
        ("?model=m", [BEARER], ["realtime", "rt_wrong"], 401),
        ("", [BEARER], [], 400),
        ("?model=", [BEARER], [], 400),
    ],
)
@trio_test
async def test_refusals(
    path: str, query: str, headers: list[tuple[str, str]], subprotocols: list[str], status: int
) -> None:
    answer = await refusal("mistral", f"{path}{query}", headers=headers, subprotocols=subprotocols)
    assert answer[0] == status
    assert answer[1]["detail"]


@pytest.mark.parametrize("path", ["/", "/v1/audio/transcriptions", "/audio/speech/realtime"])
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    assert (await refusal("mistral", f"{path}?model=m", headers=[BEARER]))[0] == 404
