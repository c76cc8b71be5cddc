"""Workers AI's form of Deepgram."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

BEARER = ("cf-aig-authorization", f"Bearer {KEY}")
TARGET = "/v1/account/gateway/workers-ai?model={model}&"


@trio_test
async def test_nova_transcribes() -> None:
    target = TARGET.format(model="@cf/deepgram/nova-3") + "encoding=linear16&sample_rate=16000"
    async with connect("workers-ai", target, headers=[BEARER]) as peer:
        await peer.send(bytes(32000))
        results = await peer.json()
        assert results["type"] == "Results"
        assert results["metadata"]["model_info"]["name"] == "@cf/deepgram/nova-3"
        await peer.send({"type": "CloseStream"})
        assert (await peer.json())["duration"] == 1.0
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_flux_transcribes_turns() -> None:
    target = TARGET.format(model="@cf/deepgram/flux") + "encoding=linear16&sample_rate=16000"
    async with connect("workers-ai", target, headers=[BEARER]) as peer:
        assert (await peer.json())["type"] == "Connected"
        await peer.send(bytes(32000))
        assert (await peer.until("EndOfTurn", "event"))[-1]["turn_index"] == 0


@pytest.mark.parametrize("model", ["aura-1", "aura-2-en", "aura-2-es"])
@trio_test
async def test_aura_speaks(model: str) -> None:
    target = TARGET.format(model=f"@cf/deepgram/{model}")
    async with connect("workers-ai", target, headers=[BEARER]) as peer:
        assert (await peer.json())["model_name"] == f"@cf/deepgram/{model}"
        await peer.send({"type": "Speak", "text": "Hello"})
        await peer.send({"type": "Flush"})
        assert isinstance(await peer.receive(), bytes)
        assert (await peer.json())["type"] == "Flushed"


@trio_test
async def test_a_model_may_be_encoded() -> None:
    target = TARGET.format(model="%40cf%2Fdeepgram%2Fnova-3")
    async with connect("workers-ai", target, headers=[BEARER]):
        pass


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("cf-aig-authorization", f"Token {KEY}")],
        [("cf-aig-authorization", "Bearer wrong")],
        [("Authorization", f"Bearer {KEY}")],
    ],
)
@trio_test
async def test_credentials_that_do_not_open(headers: list[tuple[str, str]]) -> None:
    target = TARGET.format(model="@cf/deepgram/nova-3")
    status, body = await refusal("workers-ai", target, headers=headers)
    assert (status, body["success"], body["errors"][0]["code"]) == (401, False, 10000)


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        (TARGET.format(model="@cf/meta/llama-3.1-8b-instruct"), 400, 5007),
        (TARGET.format(model="nova-3"), 400, 5007),
        ("/v1/account/gateway/workers-ai", 400, 5007),
        ("/v1/gateway/workers-ai", 404, 7000),
        ("/", 404, 7000),
    ],
)
@trio_test
async def test_requests_that_no_credential_opens(target: str, status: int, code: int) -> None:
    answer = await refusal("workers-ai", target, headers=[BEARER])
    assert (answer[0], answer[1]["errors"][0]["code"]) == (status, code)
