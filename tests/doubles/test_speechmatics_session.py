"""Speechmatics' realtime transcription."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest
import trio

from relay.doubles.speechmatics_session import IDLE_TIMEOUT
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

RAW = {"type": "raw", "encoding": "pcm_s16le", "sample_rate": 16000}
SECOND = bytes(32000)


def opened() -> AbstractAsyncContextManager[Peer]:
    return connect("speechmatics", "/v2", headers=[("Authorization", f"Bearer {KEY}")])


def start(audio_format: Json | None = None, **config: object) -> Json:
    return {
        "message": "StartRecognition",
        "audio_format": audio_format or RAW,
        "transcription_config": {"language": "en", **config},
    }


def end(last_seq_no: int) -> Json:
    return {"message": "EndOfStream", "last_seq_no": last_seq_no}


async def started(peer: Peer, message: Json | None = None) -> Json:
    await peer.send(message or start())
    answer = await peer.json()
    assert answer["message"] == "RecognitionStarted"
    return answer


def kinds(events: list[Json]) -> list[str]:
    return [event["message"] for event in events]


@trio_test
async def test_audio_is_acknowledged_and_transcribed_to_its_end() -> None:
    async with opened() as peer:
        assert (await started(peer))["id"]
        await peer.send(SECOND[:16000])
        assert await peer.json() == {"message": "AudioAdded", "seq_no": 1}
        await peer.send(SECOND[:16000])
        assert await peer.json() == {"message": "AudioAdded", "seq_no": 2}
        transcript = await peer.json()
        assert transcript["message"] == "AddTranscript"
        assert transcript["metadata"] == {
            "start_time": 0.0,
            "end_time": 1.0,
            "transcript": "1.0 seconds of audio",
        }
        words = [result["alternatives"][0]["content"] for result in transcript["results"]]
        assert words == ["1.0", "seconds", "of", "audio"]
        times = [(result["start_time"], result["end_time"]) for result in transcript["results"]]
        assert times == [(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)]
        await peer.send(SECOND[:16000])
        await peer.send(end(3))
        events = await peer.until("EndOfTranscript", "message")
        assert kinds(events) == ["AudioAdded", "AddTranscript", "EndOfTranscript"]
        assert events[1]["metadata"]["start_time"] == 1.0
        assert events[1]["metadata"]["transcript"] == "0.5 seconds of audio"
        assert (await peer.close_frame())[0] == 1000


@trio_test
async def test_partials_come_first_if_they_are_wanted() -> None:
    async with opened() as peer:
        await started(peer, start(enable_partials=True))
        await peer.send(SECOND)
        events = await peer.until("AddTranscript", "message")
        assert kinds(events) == ["AudioAdded", "AddPartialTranscript", "AddTranscript"]
        assert events[1]["metadata"] == events[2]["metadata"]


@pytest.mark.parametrize(
    ("audio_format", "size"),
    [
        ({"type": "raw", "encoding": "pcm_f32le", "sample_rate": 44100}, 176_400),
        ({"type": "raw", "encoding": "mulaw", "sample_rate": 8000}, 8000),
        ({"type": "file"}, 32000),
    ],
)
@trio_test
async def test_a_second_of_audio_is_as_long_in_every_format(audio_format: Json, size: int) -> None:
    async with opened() as peer:
        await started(peer, start(audio_format))
        await peer.send(bytes(size - 1))
        assert kinds([await peer.json()]) == ["AudioAdded"]
        await peer.send(b"\x00")
        events = await peer.until("AddTranscript", "message")
        assert events[-1]["metadata"]["transcript"] == "1.0 seconds of audio"


@trio_test
async def test_an_utterance_is_ended_by_force() -> None:
    async with opened() as peer:
        await started(peer)
        await peer.send(SECOND[:16000])
        await peer.json()
        await peer.send({"message": "ForceEndOfUtterance"})
        transcript, utterance = await peer.json(), await peer.json()
        assert (transcript["message"], transcript["forced"]) == ("AddTranscript", True)
        assert (utterance["message"], utterance["forced"]) == ("EndOfUtterance", True)
        assert utterance["metadata"] == {"start_time": 0.5, "end_time": 0.5}
        await peer.send({"message": "SetRecognitionConfig", "transcription_config": {}})
        await peer.send({"message": "GetSpeakers"})
        assert await peer.json() == {"message": "SpeakersResult", "speakers": []}


@trio_test
async def test_channels_are_transcribed_apart_and_the_last_one_ends_the_session() -> None:
    data = base64.b64encode(SECOND).decode()
    async with opened() as peer:
        labels = ["left", "right"]
        config = start(diarization="channel", channel_diarization_labels=labels)
        assert (await started(peer, config))["channel_ids"] == labels
        for channel in labels:
            await peer.send({"message": "AddChannelAudio", "channel": channel, "data": data})
            added, transcript = await peer.json(), await peer.json()
            assert added == {"message": "ChannelAudioAdded", "channel": channel, "seq_no": 1}
            assert (transcript["message"], transcript["channel"]) == ("AddTranscript", channel)
        await peer.send({"message": "EndOfChannel", "channel": "left", "last_seq_no": 1})
        await peer.send({"message": "GetSpeakers"})
        assert (await peer.json())["message"] == "SpeakersResult"
        await peer.send({"message": "EndOfChannel", "channel": "right", "last_seq_no": 1})
        assert await peer.json() == {"message": "EndOfTranscript"}
        assert (await peer.close_frame())[0] == 1000


ORDER = (1003, "protocol_error")
POLICY = (1008, "policy_violation")


@pytest.mark.parametrize(
    ("messages", "kind", "close"),
    [
        ([SECOND], "protocol_error", ORDER),
        (["not JSON"], "protocol_error", ORDER),
        ([end(0)], "protocol_error", ORDER),
        ([start(), start()], "protocol_error", ORDER),
        (
            [start(), {"message": "AddChannelAudio", "channel": "left", "data": "AAAA"}],
            "protocol_error",
            ORDER,
        ),
        ([start(language="")], "invalid_config", POLICY),
        ([start({"type": "raw", "encoding": "mp3"})], "invalid_audio_type", POLICY),
        ([start({**RAW, "sample_rate": 1})], "invalid_audio_type", POLICY),
        ([start({**RAW, "type": "other"})], "invalid_audio_type", POLICY),
        ([start(), "not JSON"], "invalid_message", POLICY),
        ([start(), {"message": "other"}], "invalid_message", POLICY),
        (
            [
                start(channel_diarization_labels=["left"]),
                {"message": "AddChannelAudio", "channel": "left", "data": "?"},
            ],
            "invalid_message",
            POLICY,
        ),
    ],
)
@trio_test
async def test_an_error_is_a_message_and_then_a_close(
    messages: list[Json | str | bytes], kind: str, close: tuple[int, str]
) -> None:
    async with opened() as peer:
        for message in messages:
            await peer.send(message)
        error = (await peer.until("Error", "message"))[-1]
        assert error["type"] == kind
        assert error["reason"]
        assert await peer.close_frame() == close


@trio_test
async def test_an_hour_without_audio_ends_the_session() -> None:
    async with opened() as peer:
        await started(peer)
        await trio.sleep(IDLE_TIMEOUT / 2)
        await peer.send(b"\x00\x00")
        await peer.json()
        began = trio.current_time()
        await trio.sleep(IDLE_TIMEOUT / 2)
        await peer.send({"message": "GetSpeakers"})
        await peer.json()
        assert (await peer.json())["type"] == "idle_timeout"
        assert trio.current_time() - began == IDLE_TIMEOUT
        assert (await peer.close_frame())[0] == 1008
