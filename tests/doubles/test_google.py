"""Who may open Google's endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect, refusal
from tests.support import trio_test

SERVICE = "/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}"
LIVE = SERVICE.format(version="v1beta", method="BidiGenerateContent")
CONSTRAINED = SERVICE.format(version="v1alpha", method="BidiGenerateContentConstrained")
EPHEMERAL = "auth_tokens/0123456789abcdef"


async def set_up(peer: Peer) -> Json:
    await peer.send({"setup": {"model": "models/gemini-live"}})
    return await peer.json()


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize(
    "method", ["BidiGenerateContent", "BidiGenerateContentConstrained", "BidiGenerateMusic"]
)
@trio_test
async def test_every_version_of_every_method_opens(version: str, method: str) -> None:
    target = SERVICE.format(version=version, method=method)
    async with connect("google", f"{target}?key={KEY}") as peer:
        assert await set_up(peer) == {"setupComplete": {}}


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"?key={KEY}", []),
        (f"?access_token={KEY}", []),
        ("", [("x-goog-api-key", KEY)]),
        ("", [("Authorization", f"Token {KEY}")]),
    ],
)
@trio_test
async def test_every_slot_opens(query: str, headers: list[tuple[str, str]]) -> None:
    async with connect("google", f"{LIVE}{query}", headers=headers) as peer:
        assert await set_up(peer) == {"setupComplete": {}}


@pytest.mark.parametrize(
    ("query", "status", "name", "reason"),
    [
        ("", 403, "PERMISSION_DENIED", None),
        (f"?api_key={KEY}", 403, "PERMISSION_DENIED", None),
        ("?key=wrong-key-0123456789", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
    ],
)
@trio_test
async def test_refusals(query: str, status: int, name: str, reason: str | None) -> None:
    answer = await refusal("google", f"{LIVE}{query}")
    assert answer[0] == status
    error = answer[1]["error"]
    assert (error["code"], error["status"]) == (status, name)
    assert [detail["reason"] for detail in error.get("details", [])] == (
        [] if reason is None else [reason]
    )
    assert "wrong-key-0123456789" not in str(answer)


@trio_test
async def test_an_ephemeral_token_opens_the_constrained_method_alone() -> None:
    # google-genai sends an ephemeral token in both headers.
    both = [("x-goog-api-key", EPHEMERAL), ("Authorization", f"Token {EPHEMERAL}")]
    async with connect("google", CONSTRAINED, key=EPHEMERAL, headers=both) as peer:
        assert await set_up(peer) == {"setupComplete": {}}
    query = f"?access_token={EPHEMERAL}"
    async with connect("google", f"{CONSTRAINED}{query}", key=EPHEMERAL) as peer:
        assert await set_up(peer) == {"setupComplete": {}}
    status, body = await refusal("google", f"{LIVE}{query}", key=EPHEMERAL)
    assert (status, body["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "path",
    [
        f"/{LIVE}",
        SERVICE.format(version="v2", method="BidiGenerateContent"),
        SERVICE.format(version="v1", method="GenerateContent"),
        "/v1/models",
    ],
)
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    status, body = await refusal("google", f"{path}?key={KEY}")
    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")
