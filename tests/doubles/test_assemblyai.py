"""Who may open AssemblyAI's endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

STREAMING = "/v3/ws?sample_rate=16000"
AGENT = "/v1/ws"
RAW = ("Authorization", KEY)
BEARER = ("Authorization", f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (STREAMING, [RAW]),
        (STREAMING, [RAW, ("AssemblyAI-Version", "2025-05-12")]),
        (f"{STREAMING}&token={KEY}", []),
        (f"{STREAMING}&token={KEY}", [RAW]),
    ],
)
@trio_test
async def test_every_slot_opens_streaming(target: str, headers: list[tuple[str, str]]) -> None:
    async with connect("assemblyai", target, headers=headers) as peer:
        assert (await peer.json())["type"] == "Begin"


@pytest.mark.parametrize(
    ("target", "headers"), [(AGENT, [BEARER]), (AGENT, [RAW]), (f"{AGENT}?token={KEY}", [])]
)
@trio_test
async def test_every_slot_opens_an_agent(target: str, headers: list[tuple[str, str]]) -> None:
    async with connect("assemblyai", target, headers=headers) as peer:
        await peer.send({"type": "session.update"})
        assert (await peer.json())["type"] == "session.ready"


@pytest.mark.parametrize(
    ("target", "headers", "reason"),
    [
        (STREAMING, [], "Missing Authorization header"),
        (f"{STREAMING}&api_key={KEY}", [], "Missing Authorization header"),
        (STREAMING, [BEARER], "Invalid API key"),
        (f"{STREAMING}&token=wrong", [], "Invalid API key"),
        (f"{STREAMING}&token=wrong", [RAW], "Invalid API key"),
    ],
)
@trio_test
async def test_streaming_is_refused_after_the_101(
    target: str, headers: list[tuple[str, str]], reason: str
) -> None:
    async with connect("assemblyai", target, headers=headers) as peer:
        what = f"Unauthorized Connection: {reason}"
        assert await peer.json() == {"type": "Error", "error_code": 1008, "error": what}
        assert await peer.close_frame() == (1008, what)


@pytest.mark.parametrize(
    ("target", "headers"),
    [(AGENT, []), (AGENT, [("Authorization", f"Token {KEY}")]), (f"{AGENT}?token=wrong", [BEARER])],
)
@trio_test
async def test_an_agent_is_refused_after_the_101(
    target: str, headers: list[tuple[str, str]]
) -> None:
    async with connect("assemblyai", target, headers=headers) as peer:
        error = await peer.json()
        assert (error["type"], error["code"]) == ("session.error", "unauthorized")
        assert (await peer.close_frame())[0] == 1008


@pytest.mark.parametrize("path", ["/", "/v2/realtime/ws", "/v3/ws/"])
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    assert (await refusal("assemblyai", path, headers=[RAW]))[0] == 404
