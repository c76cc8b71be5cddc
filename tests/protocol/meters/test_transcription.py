"""Tests of the meters that count the seconds of audio that is transcribed or measured."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from tests.protocol.meters.talk import Talk

SECOND = bytes(32000)  # PCM16 at 16 kHz
PCM = b"encoding=linear16&sample_rate=16000"


def heard(talk: Talk) -> object:
    used = talk.usage()
    assert used is not None, talk.meter.missing
    return next(iter(used.values()), {}).get("input_audio_seconds")


def test_cartesia_sums_what_is_final() -> None:
    talk = Talk("cartesia", "/stt/websocket", b"model=ink-whisper").client(SECOND, "finalize")
    talk.provider({"type": "transcript", "is_final": False, "duration": 0.5})
    talk.provider({"type": "transcript", "is_final": True, "duration": 1.0})
    talk.provider({"type": "flush_done"}, {"type": "transcript", "is_final": True})
    talk.provider({"type": "transcript", "is_final": True, "duration": 0.25})
    assert talk.usage() == {"ink-whisper": {"input_audio_seconds": Decimal("1.25")}}


def test_cartesias_turns_state_nothing_and_the_audio_is_counted() -> None:
    query = b"model=ink-2&encoding=pcm_s16le&sample_rate=16000"
    talk = Talk("cartesia", "/stt/turns/websocket", query).client(SECOND, SECOND[:16000])
    assert heard(talk) == Decimal("1.5")


def test_audio_of_an_unknown_format_leaves_the_usage_unknown() -> None:
    talk = Talk("cartesia", "/stt/websocket", b"encoding=opus").client(b"123")
    assert talk.usage() is None
    assert talk.meter.missing == "not reported"
    assert Talk("cartesia", "/stt/websocket", b"encoding=opus").usage() == {}


def test_deepgram_states_the_duration_of_the_stream_and_its_channels() -> None:
    talk = Talk("deepgram", "/v1/listen", PCM + b"&channels=2").client(SECOND)
    info = {"model_info": {"name": "nova-3"}}
    result = {"type": "Results", "duration": 0.4, "is_final": True, "metadata": info}
    talk.provider(result, {"type": "Metadata", "duration": 0.5, "channels": 2})
    assert talk.usage() == {"nova-3": {"input_audio_seconds": Decimal(1)}}


def test_deepgrams_final_results_are_summed_where_the_metadata_did_not_come() -> None:
    talk = Talk("deepgram", "/v1/listen", b"model=nova-3").client(SECOND)
    talk.provider({"type": "Metadata"})  # without a duration
    for final in (False, True, True):
        talk.provider({"type": "Results", "duration": 0.5, "is_final": final})
    talk.provider({"type": "Results", "is_final": True})
    assert heard(talk) == Decimal(1)


@pytest.mark.parametrize("query", [PCM, b"encoding=mulaw&sample_rate=16000&channels=2"])
def test_deepgrams_audio_is_counted_where_nothing_was_stated(query: bytes) -> None:
    assert heard(Talk("deepgram", "/v1/listen", query).client(SECOND)) == Decimal(1)


@pytest.mark.parametrize(
    ("query", "seconds"), [(PCM, Decimal(1)), (b"model=flux", Decimal("0.75"))]
)
def test_deepgrams_flux_states_how_far_it_has_heard(query: bytes, seconds: Decimal) -> None:
    talk = Talk("deepgram", "/v2/listen", query).client(SECOND)
    for end in (0.25, 0.75, None):
        talk.provider({"type": "TurnInfo", "audio_window_end": end})
    assert heard(talk) == seconds


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nova-3", {"type": "Metadata", "duration": 2, "channels": 0}),
        ("flux", {"type": "TurnInfo", "audio_window_end": 2}),
    ],
)
def test_workers_ai_speaks_as_its_model_does(model: str, message: dict[str, object]) -> None:
    query = f"model=%40cf%2Fdeepgram%2F{model}".encode()
    talk = Talk("workers-ai", "/v1/{account}/{gateway}/workers-ai", query)
    talk.client(b"OggS").provider(message)
    assert talk.usage() == {f"@cf/deepgram/{model}": {"input_audio_seconds": Decimal(2)}}


def test_workers_ai_is_not_metered_where_the_model_is_unknown() -> None:
    for query in (None, b"model=@cf/other/model"):
        talk = Talk("workers-ai", "/v1/{account}/{gateway}/workers-ai", query)
        assert talk.end().missing == "not metered"


def test_xai_states_the_whole_the_final_parts_or_nothing() -> None:
    done = {"type": "transcript.done", "duration": 1.5}
    part = {"type": "transcript.partial", "duration": 1, "is_final": True, "speech_final": True}
    interim = part | {"is_final": False, "speech_final": False}
    start = Talk("xai", "/v1/stt").client(SECOND).provider(interim)
    assert heard(start.provider(part, done)) == Decimal("1.5")
    assert heard(Talk("xai", "/v1/stt").client(SECOND).provider(interim, part)) == 1
    assert heard(Talk("xai", "/v1/stt").client(SECOND, SECOND)) == 2
    query = b"encoding=mulaw&sample_rate=8000"
    assert heard(Talk("xai", "/v1/stt", query).client(SECOND)) == 4


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (
            {"prompt_audio_seconds": 3, "prompt_tokens": 40, "completion_tokens": 5},
            {"input_audio_seconds": Decimal(3), "output_text_tokens": 5},
        ),
        (
            {"prompt_tokens": 40, "completion_tokens": 5},
            {"input_audio_tokens": 40, "output_text_tokens": 5},
        ),
    ],
)
def test_mistral_states_usage_at_the_end(
    usage: dict[str, object], counted: dict[str, object]
) -> None:
    talk = Talk("mistral", "/v1/audio/transcriptions/realtime")
    talk.provider({"type": "session.created", "session": {"model": "voxtral"}})
    talk.provider({"type": "transcription.done", "usage": usage})
    assert talk.usage() == {"voxtral": counted}


def test_mistral_owes_usage_if_the_session_ends_before() -> None:
    talk = Talk("mistral", "/v1/audio/transcriptions/realtime")
    talk.provider({"type": "session.created", "session": {"model": "voxtral"}})
    assert talk.usage() is None
    assert talk.meter.missing == "not reported"


def test_scribe_is_counted_by_the_audio_that_the_client_sent() -> None:
    def chunk(size: int, *, commit: bool = False) -> dict[str, object]:
        audio = base64.b64encode(bytes(size)).decode()
        return {"message_type": "input_audio_chunk", "audio_base_64": audio, "commit": commit}

    path = "/v1/speech-to-text/realtime"
    talk = Talk("elevenlabs", path, b"model_id=scribe_v2_realtime&audio_format=pcm_16000")
    talk.client(chunk(320))  # small ones are read
    for _ in range(10):
        talk.client(chunk(3840))  # the first of the large ones tells what is not audio in them
    talk.client(chunk(0, commit=True))
    assert talk.usage() == {"scribe_v2_realtime": {"input_audio_seconds": Decimal("1.21")}}
    for query, seconds in [(b"", Decimal("0.12")), (b"audio_format=ulaw_8000", Decimal("0.48"))]:
        assert heard(Talk("elevenlabs", path, query).client(chunk(3840))) == seconds


def test_hume_states_how_much_it_heard() -> None:
    talk = Talk("hume", "/v1/expression/audio/realtime").client(SECOND)
    closed = {"type": "session.closed", "received": {"audio_duration_ms": 998}}
    assert heard(talk.provider(closed)) == Decimal("0.998")
    assert heard(Talk("hume", "/v1/expression/audio/realtime").client(SECOND)) == 1
    talk = Talk("hume", "/v1/expression/audio/realtime").client(SECOND)
    assert heard(talk.provider({"type": "session.closed"})) == 1


def start(**audio_format: object) -> dict[str, object]:
    config = {"language": "en", "operating_point": "enhanced"}
    kind = {"message": "StartRecognition"}
    return {**kind, "transcription_config": config, "audio_format": audio_format}


def transcript(end: object, **members: object) -> dict[str, object]:
    return {"message": "AddTranscript", "metadata": {"end_time": end}, **members}


def test_speechmatics_is_counted_by_the_audio_where_its_format_is_known() -> None:
    talk = Talk("speechmatics", "/v2")
    talk.client(start(type="raw", encoding="pcm_s16le", sample_rate=16000), SECOND, SECOND)
    talk.provider({"message": "RecognitionStarted"}, transcript(1.0))
    assert talk.usage() == {"enhanced": {"input_audio_seconds": Decimal(2)}}


def test_speechmatics_is_counted_by_what_was_transcribed_elsewhere() -> None:
    talk = Talk("speechmatics", "/v2/{language}").client(start(type="file"), SECOND)
    assert heard(talk.provider(transcript(1.0), transcript(2.5), transcript(None))) == 2.5
    talk = Talk("speechmatics", "/v2").client(start(type="file"))
    talk.provider(transcript(1.0, channel="a"), transcript(2.0, channel="b"))
    assert heard(talk) == 3
    assert Talk("speechmatics", "/v2").client(start(type="file")).usage() == {}


def test_speechmatics_leaves_unknown_what_nothing_tells() -> None:
    assert Talk("speechmatics", "/v2").client(start(type="file"), SECOND).usage() is None


def test_speechmatics_channels_are_bounded() -> None:
    talk = Talk("speechmatics", "/v2")
    for number in range(70):
        talk.provider(transcript(1, channel=f"channel {number}"))
    assert heard(talk) == 64
