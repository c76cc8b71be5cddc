"""Deepgram's speech to text."""

from __future__ import annotations

import hashlib
from contextlib import AbstractAsyncContextManager

import pytest
import trio

from relay.doubles.audio import wav_header
from relay.doubles.deepgram_listen import SILENCE_TIMEOUT
from tests.doubles.peer import KEY, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = bytes(16000)
CLOSE = {"type": "CloseStream"}


def opened(query: str = "", model: str = "nova-3") -> AbstractAsyncContextManager[Peer]:
    target = f"/v1/listen?model={model}&encoding=linear16&sample_rate=16000{query}"
    return connect("deepgram", target, headers=[("Authorization", f"Token {KEY}")])


@trio_test
async def test_every_second_has_final_results_and_the_end_has_metadata() -> None:
    async with opened() as peer:
        for second in range(2):
            await peer.send(HALF_A_SECOND)
            await peer.send(HALF_A_SECOND)
            results = await peer.json()
            assert results["type"] == "Results"
            assert results["is_final"] is True
            assert results["from_finalize"] is False
            assert (results["start"], results["duration"]) == (second, 1.0)
            assert results["metadata"]["model_info"]["name"] == "nova-3"
            (alternative,) = results["channel"]["alternatives"]
            assert alternative["transcript"] == "1.0 seconds of audio"
            assert alternative["words"][0]["start"] == second
            assert alternative["words"][-1]["end"] == second + 1
        await peer.send(HALF_A_SECOND)
        await peer.send(CLOSE)
        assert (await peer.json())["duration"] == 0.5
        metadata = await peer.json()
        assert metadata["type"] == "Metadata"
        assert metadata["request_id"] == results["metadata"]["request_id"]
        assert (metadata["duration"], metadata["channels"]) == (2.5, 1)
        assert metadata["sha256"] == hashlib.sha256(HALF_A_SECOND * 5).hexdigest()
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize("end", [CLOSE, b""])
@trio_test
async def test_nothing_heard_is_no_duration(end: bytes | dict[str, str]) -> None:
    async with opened() as peer:
        await peer.send(end)
        metadata = await peer.json()
        assert (metadata["duration"], metadata["channels"]) == (0, 0)
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_interim_results_are_sent_if_asked_for() -> None:
    async with opened("&interim_results=true") as peer:
        await peer.send(HALF_A_SECOND)
        interim = await peer.json()
        assert interim["is_final"] is interim["speech_final"] is False
        assert interim["duration"] == 0.5
        await peer.send(HALF_A_SECOND)
        assert (await peer.json())["is_final"] is True


@trio_test
async def test_finalize_transcribes_what_is_left() -> None:
    async with opened() as peer:
        await peer.send({"type": "Finalize"})  # nothing is left, and nothing is answered
        await peer.send(HALF_A_SECOND)
        await peer.send({"type": "Finalize"})
        results = await peer.json()
        assert results["is_final"] is results["from_finalize"] is True
        assert results["duration"] == 0.5


@trio_test
async def test_each_channel_has_results_of_its_own() -> None:
    async with opened("&channels=2&multichannel=true") as peer:
        await peer.send(HALF_A_SECOND * 4)
        indices = [(await peer.json())["channel_index"] for _ in range(2)]
        assert indices == [[0, 2], [1, 2]]
        await peer.send(CLOSE)
        metadata = await peer.json()
        assert (metadata["duration"], metadata["channels"]) == (1.0, 2)


@trio_test
async def test_speech_events_are_sent_if_asked_for() -> None:
    async with opened("&vad_events=true&utterance_end_ms=1000") as peer:
        for second in range(2):
            await peer.send(HALF_A_SECOND)
            started = await peer.json()
            assert (started["type"], started["timestamp"]) == ("SpeechStarted", second)
            await peer.send(HALF_A_SECOND)
            results, ended = await peer.json(), await peer.json()
            assert results["type"] == "Results"
            assert (ended["type"], ended["last_word_end"]) == ("UtteranceEnd", second + 1)


@trio_test
async def test_nova_3_takes_key_terms() -> None:
    async with opened() as peer:
        await peer.send({"type": "Configure", "keyterms": ["relay", 1]})
        answer = await peer.json()
        assert (answer["type"], answer["keyterms"]) == ("ConfigureSuccess", ["relay"])


@trio_test
async def test_older_models_take_no_key_terms() -> None:
    async with opened(model="nova-2") as peer:
        await peer.send({"type": "Configure", "keyterms": ["relay"]})
        answer = await peer.json()
        assert answer["type"] == "ConfigureFailure"
        assert answer["code"] == "CONFIGURE_KEYTERMS_NOT_SUPPORTED"


@pytest.mark.parametrize("message", ["finalize", "[]", '{"type":"dance"}', "{}"])
@trio_test
async def test_what_is_no_command_is_an_error(message: str) -> None:
    async with opened() as peer:
        await peer.send(message)
        assert (await peer.json())["type"] == "Error"
        assert await peer.close_frame() == (1008, "DATA-0000")


@trio_test
async def test_audio_without_an_encoding_must_be_in_a_container() -> None:
    headers = [("Authorization", f"Token {KEY}")]
    async with connect("deepgram", "/v1/listen", headers=headers) as peer:
        await peer.send(wav_header(16000, 32000) + bytes(32000))
        await peer.send(bytes(32000))  # only the beginning is looked at
        assert [(await peer.json())["is_final"] for _ in range(2)] == [True, True]
    async with connect("deepgram", "/v1/listen", headers=headers) as peer:
        await peer.send(bytes(32000))
        assert await peer.close_frame() == (1008, "DATA-0000")


@trio_test
async def test_silence_ends_the_connection() -> None:
    async with opened() as peer:
        await peer.send(HALF_A_SECOND)
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        assert await peer.close_frame() == (1011, "NET-0001")
        assert trio.current_time() - start == pytest.approx(SILENCE_TIMEOUT)


async def keep_alive_for(peer: Peer, seconds: float) -> None:
    """Send a ``KeepAlive`` every four seconds."""
    for _ in range(int(seconds / 4)):
        await trio.sleep(4)
        await peer.send({"type": "KeepAlive"})


@trio_test
async def test_keep_alive_prevents_that() -> None:
    async with opened() as peer:
        await peer.send(HALF_A_SECOND)
        await keep_alive_for(peer, 40)
        await peer.send(HALF_A_SECOND)
        assert (await peer.json())["duration"] == 1.0


@trio_test
async def test_keep_alive_without_any_audio_does_not() -> None:
    async with opened() as peer:
        await keep_alive_for(peer, SILENCE_TIMEOUT - 1)
        start = trio.current_time()
        assert await peer.close_frame() == (1011, "NET-0001")
        assert trio.current_time() - start == pytest.approx(2)
