"""Who may open Cartesia's endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test


@pytest.mark.parametrize("path", ["/tts/websocket", "/stt/websocket", "/stt/turns/websocket"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"?cartesia_version=2024-06-10&api_key={KEY}", []),
        (f"?access_token={KEY}", []),
        ("", [("X-API-Key", KEY)]),
        ("", [("Authorization", f"Bearer {KEY}")]),
    ],
)
@trio_test
async def test_every_slot_opens_every_endpoint(
    path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    async with connect("cartesia", f"{path}{query}", headers=headers):
        pass


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("", [], None),
        (f"?key={KEY}", [], None),
        ("", [("Authorization", f"Token {KEY}")], None),
        ("?api_key=wrong-key-0123456789", [], "invalid_api_key"),
        (f"?api_key={KEY}", [("X-API-Key", "wrong-key-0123456789")], "invalid_api_key"),
    ],
)
@trio_test
async def test_refusals(query: str, headers: list[tuple[str, str]], code: str | None) -> None:
    status, body = await refusal("cartesia", f"/tts/websocket{query}", headers=headers)
    assert status == 401
    assert body["error_code"] == code
    assert body["title"]
    assert body["message"]
    assert "wrong-key-0123456789" not in str(body)


@pytest.mark.parametrize("path", ["/", "/v1/tts/websocket", "/tts/bytes"])
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    status, body = await refusal("cartesia", f"{path}?api_key={KEY}")
    assert status == 404
    assert body["title"] == "Not found"
