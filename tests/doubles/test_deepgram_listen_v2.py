"""Deepgram's speech to text with turns."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = bytes(16000)


def opened(query: str = "", model: str = "flux-general-en") -> AbstractAsyncContextManager[Peer]:
    target = f"/v2/listen?model={model}&encoding=linear16&sample_rate=16000{query}"
    return connect("deepgram", target, headers=[("Authorization", f"Token {KEY}")])


async def events(peer: Peer, last: str = "EndOfTurn") -> list[Json]:
    """The next ``TurnInfo`` messages, to the first whose event is ``last``."""
    infos = await peer.until(last, "event")
    assert {info["type"] for info in infos} == {"TurnInfo"}
    return infos


@trio_test
async def test_every_second_is_a_turn() -> None:
    async with opened() as peer:
        connected = await peer.json()
        assert (connected["type"], connected["sequence_id"]) == ("Connected", 0)
        sequence_ids = []
        for turn in range(2):
            await peer.send(HALF_A_SECOND)
            await peer.send(HALF_A_SECOND)
            infos = await events(peer)
            assert [info["event"] for info in infos] == ["StartOfTurn", "Update", "EndOfTurn"]
            assert {info["turn_index"] for info in infos} == {turn}
            assert {info["request_id"] for info in infos} == {connected["request_id"]}
            assert infos[0]["transcript"] == "0.5 seconds of audio"
            assert infos[-1]["transcript"] == "1.0 seconds of audio"
            assert infos[-1]["trigger"] == "model"
            assert (infos[-1]["audio_window_start"], infos[-1]["audio_window_end"]) == (
                turn,
                turn + 1,
            )
            assert "languages" not in infos[-1]
            sequence_ids += [info["sequence_id"] for info in infos]
        assert sequence_ids == [1, 2, 3, 4, 5, 6]
        await peer.send(b"")
        await peer.send({"type": "CloseStream"})
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_an_eager_end_comes_before_the_end() -> None:
    async with opened("&eager_eot_threshold=0.4") as peer:
        await peer.json()
        await peer.send(HALF_A_SECOND * 2)
        infos = await events(peer)
        assert [info["event"] for info in infos] == ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]
        assert infos[1]["transcript"] == infos[2]["transcript"]


@pytest.mark.parametrize("by", ["query", "Configure"])
@trio_test
async def test_a_turn_can_be_left_to_the_client(by: str) -> None:
    async with opened("&eot_threshold=1.0" if by == "query" else "") as peer:
        await peer.json()
        if by == "Configure":
            thresholds = {"eot_threshold": 1, "eot_timeout_ms": True}
            await peer.send({"type": "Configure", "thresholds": thresholds, "keyterms": ["a"]})
            success = await peer.json()
            assert success["type"] == "ConfigureSuccess"
            assert success["thresholds"] == {"eot_threshold": 1}
            assert success["keyterms"] == ["a"]
        for _ in range(3):
            await peer.send(HALF_A_SECOND)
        await peer.send({"type": "ForceEndTurn"})
        infos = await events(peer)
        assert [info["event"] for info in infos[1:-1]] == ["Update", "Update"]
        assert infos[-1]["trigger"] == "manual"
        assert infos[-1]["transcript"] == "1.5 seconds of audio"


@trio_test
async def test_there_must_be_a_turn_to_end() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "ForceEndTurn"})
        warning = await peer.json()
        assert warning["type"] == "Warning"
        assert warning["code"] == "FORCE_END_TURN_NO_ACTIVE_TURN"


@trio_test
async def test_a_multilingual_model_names_the_languages() -> None:
    async with opened("&language_hint=en&language_hint=de", "flux-general-multi") as peer:
        await peer.json()
        await peer.send(HALF_A_SECOND)
        (info,) = await events(peer, "StartOfTurn")
        assert (info["languages"], info["languages_hinted"]) == (["en"], ["en", "de"])


@pytest.mark.parametrize("message", ["[]", '{"type":"KeepAlive"}', "{}"])
@trio_test
async def test_what_is_no_command_is_an_error(message: str) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        error = await peer.json()
        assert (error["type"], error["sequence_id"]) == ("Error", 1)
        assert error["description"]
        assert (await peer.close_frame())[0] == 1008


@trio_test
async def test_audio_without_an_encoding_must_be_in_a_container() -> None:
    headers = [("Authorization", f"Token {KEY}")]
    target = "/v2/listen?model=flux-general-en"
    async with connect("deepgram", target, headers=headers) as peer:
        await peer.json()
        await peer.send(HALF_A_SECOND)
        assert (await peer.json())["type"] == "Error"
        assert (await peer.close_frame())[0] == 1008
