"""Who may open OpenAI's endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

TARGET = "/v1/realtime?model=gpt-realtime"
BEARER = ("Authorization", f"Bearer {KEY}")
SECRET_ENTRY = f"openai-insecure-api-key.{KEY}"


@trio_test
async def test_a_bearer_token_opens() -> None:
    async with connect("openai", TARGET, headers=[BEARER]) as peer:
        assert peer.subprotocol is None
        assert (await peer.json())["type"] == "session.created"


@trio_test
async def test_a_bearer_token_opens_beside_the_entry_realtime() -> None:
    async with connect("openai", TARGET, headers=[BEARER], subprotocols=["realtime"]) as peer:
        assert peer.subprotocol == "realtime"


@trio_test
async def test_a_browsers_entries_open_and_realtime_is_answered() -> None:
    async with connect("openai", TARGET, subprotocols=["realtime", SECRET_ENTRY]) as peer:
        assert peer.subprotocol == "realtime"
        assert (await peer.json())["type"] == "session.created"


REFUSED = {
    "no credential": ([], [], 401, None),
    "a wrong key": ([("Authorization", "Bearer sk-wrong-0123456789")], [], 401, "invalid_api_key"),
    "a wrong key in an entry": (
        [],
        ["realtime", "openai-insecure-api-key.sk-wrong-0123456789"],
        401,
        "invalid_api_key",
    ),
    "the entry without realtime": ([], [SECRET_ENTRY], 401, None),
    "a header of other providers": ([("X-API-Key", KEY)], [], 401, None),
    "the old beta entry": (
        [BEARER],
        ["realtime", "openai-beta.realtime-v1"],
        400,
        "invalid_subprotocol",
    ),
}


@pytest.mark.parametrize(
    ("headers", "subprotocols", "status", "code"), REFUSED.values(), ids=REFUSED
)
@trio_test
async def test_refusals(
    headers: list[tuple[str, str]], subprotocols: list[str], status: int, code: str | None
) -> None:
    answer = await refusal("openai", TARGET, headers=headers, subprotocols=subprotocols)
    assert answer[0] == status
    error = answer[1]["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == code
    assert KEY not in error["message"]
    assert "sk-wrong-0123456789" not in error["message"]


@trio_test
async def test_a_credential_in_the_query_is_none() -> None:
    status, _ = await refusal("openai", f"{TARGET}&api_key={KEY}")
    assert status == 401


@pytest.mark.parametrize(
    "target", ["/realtime?model=x", "/v1/realtime/", "/v1/chat/completions", "/"]
)
@trio_test
async def test_an_unknown_path_is_not_found(target: str) -> None:
    status, body = await refusal("openai", target, headers=[BEARER])
    assert status == 404
    assert body["error"]["type"] == "invalid_request_error"
