"""Tests of relay.protocol.meters.tap: what is read, and what need not be."""

from __future__ import annotations

import base64
import zlib
from decimal import Decimal

import pytest

from relay.protocol import Limits, PermessageDeflate, Pipe
from relay.protocol.frames import BINARY, CONTINUATION, TEXT
from relay.protocol.meters import tap as module
from relay.protocol.meters.reading import read_object
from relay.protocol.meters.tap import MAX_MESSAGE, TotalsTap
from relay.testing.frames import Frame
from relay.testing.strategies import compress
from tests.protocol.meters.talk import Talk, dump

REALTIME = ("openai", "/v1/realtime")
DELTA = {"type": "response.output_audio.delta", "delta": base64.b64encode(bytes(3000)).decode()}
DONE: dict[str, object] = {
    "type": "response.done",
    "response": {"status": "completed", "usage": {"output_tokens": 1}},
}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every message that was parsed."""
    messages: list[bytes] = []

    def spy(message: bytes) -> dict[str, object] | None:
        messages.append(message)
        return read_object(message)

    monkeypatch.setattr(module, "read_object", spy)
    return messages


def test_audio_is_parsed_once_for_each_turn(parsed: list[bytes]) -> None:
    talk = Talk(*REALTIME)
    for _ in range(2):
        talk.provider({"type": "response.created", "response": {}}, *[DELTA] * 5)
        talk.frames(Frame(TEXT, dump(DELTA).encode(), fin=False), Frame(CONTINUATION, b""))
        talk.provider(DONE)
    assert len(parsed) == 2 * 3


def test_compressed_audio_is_parsed_once_for_each_turn_too(parsed: list[bytes]) -> None:
    talk = Talk(*REALTIME, compression=PermessageDeflate())
    delta = Frame(TEXT, compress(dump(DELTA).encode()), rsv1=True)
    talk.provider({"type": "response.created", "response": {}}).frames(*[delta] * 5)
    assert talk.meter.first_audio == 2
    assert len(parsed) == 2


def test_audio_whose_kind_stands_elsewhere_is_parsed_once_too(parsed: list[bytes]) -> None:
    delta = {"event_id": "event_1"} | DELTA
    talk = Talk(*REALTIME).provider(delta, delta, delta)
    assert talk.meter.first_audio == 1
    assert len(parsed) == 1


def test_audio_whose_kind_stands_far_behind_is_parsed_and_not_looked_at() -> None:
    delta = {"event_id": "e" * 2000} | DELTA
    assert Talk(*REALTIME).provider(delta, delta).meter.first_audio == 1


def test_large_audio_in_base64_is_counted_by_its_size_however_it_is_sent() -> None:
    talk = Talk("elevenlabs", "/v1/speech-to-text/realtime", b"audio_format=pcm_8000")
    chunk = {"message_type": "input_audio_chunk", "audio_base_64": DELTA["delta"]}
    pieces = [Frame(TEXT, dump(chunk).encode(), fin=False), Frame(CONTINUATION, b"")]
    talk.client(chunk).frames(*pieces, inbound=True)
    assert talk.meter.inbound.heard == 6000


def test_kinds_that_are_not_wanted_are_not_parsed(parsed: list[bytes]) -> None:
    talk = Talk(*REALTIME)
    talk.provider(*[{"type": f"rate_limits.{number}"} for number in range(50)] * 2)
    talk.client(*[{"type": "response.done"}] * 3)
    assert parsed == []
    talk.provider({"event_id": "e", "type": "rate_limits.1"})
    assert len(parsed) == 1
    assert talk.provider({"event_id": "e"} | DONE).usage() == {None: {"output_text_tokens": 1}}


def test_geminis_audio_is_parsed_once_for_each_turn(parsed: list[bytes]) -> None:
    path = "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
    talk = Talk("google", path)
    part = {"inlineData": {"mimeType": "audio/pcm", "data": DELTA["delta"]}}
    spoken = dump({"serverContent": {"modelTurn": {"parts": [part]}}}).encode()
    end = dump({"serverContent": {"turnComplete": True}}).encode()
    for _ in range(2):
        talk.provider(spoken, spoken, spoken, spoken, end)
    assert len(parsed) == 2 * 2
    talk.provider(spoken[:-20])  # it begins like audio, and is nothing
    assert [turn.first_audio for turn in talk.meter.turns] == [1, 6]


def test_base64_in_a_large_message_is_not_held() -> None:
    picture = base64.b64encode(bytes(MAX_MESSAGE)).decode()
    response = {"output": [picture] * 2, "status": "completed", "usage": {"output_tokens": 1}}
    done = {"type": "response.done", "response": response}
    payload = dump(done).encode()
    whole = Talk(*REALTIME).provider(done)
    pieces = [payload[at : at + 50_000] for at in range(0, len(payload), 50_000)]
    frames = [
        Frame(CONTINUATION if number else TEXT, each, fin=number == len(pieces) - 1)
        for number, each in enumerate(pieces)
    ]
    split = Talk(*REALTIME).frames(*frames)
    for talk in (whole, split):
        assert talk.usage() == {None: {"output_text_tokens": 1}}
        assert talk.meter.outbound.largest_message == len(payload)


@pytest.mark.parametrize("padding", ["€" * MAX_MESSAGE, [0] * 20_000])
def test_a_message_of_the_provider_that_cannot_be_read_leaves_the_usage_unknown(
    padding: object,
) -> None:
    talk = Talk(*REALTIME).provider(DONE | {"padding": padding})
    assert talk.usage() is None
    assert talk.meter.missing == "failed"
    big = {"type": "response.output_text.done", "text": padding}  # is not to be read
    assert Talk(*REALTIME).provider(big, DONE).end().missing is None


def test_a_message_of_the_client_that_cannot_be_read_is_counted() -> None:
    talk = Talk("deepgram", "/v1/speak", b"model=aura")
    talk.client({"type": "Speak", "text": "é!" * MAX_MESSAGE}, {"type": "Speak", "text": "Hi"})
    assert talk.meter.unread == 1
    assert talk.usage() == {"aura": {"input_characters": 2}}


def test_what_cannot_be_decompressed_leaves_the_usage_unknown() -> None:
    talk = Talk(*REALTIME, compression=PermessageDeflate())
    talk.provider(DONE).frames(Frame(TEXT, b"\xff\xff", rsv1=True), Frame(TEXT, b"\xff"))
    talk.frames(Frame(TEXT, b"\xff", rsv1=True, fin=False), Frame(CONTINUATION, b"\xff"))
    assert talk.usage() is None
    assert talk.meter.missing == "compressed"
    assert talk.meter.outbound.largest_message == len(dump(DONE))


def test_compressed_audio_may_refer_to_text_that_nobody_needs() -> None:
    talk = Talk(
        "xai", "/v1/stt", b"sample_rate=8000&encoding=mulaw", compression=PermessageDeflate()
    )
    deflate = zlib.compressobj(wbits=-15)
    said = bytes(range(250)) * 4
    for opcode in (TEXT, BINARY):
        payload = deflate.compress(said) + deflate.flush(zlib.Z_SYNC_FLUSH)
        talk.frames(Frame(opcode, payload[:-4], rsv1=True), inbound=True)
    assert len(payload) < 50  # it does refer to it
    assert talk.usage() == {None: {"input_audio_seconds": Decimal("0.125")}}


def test_the_moment_of_the_first_message_is_when_it_is_whole() -> None:
    talk = Talk("fal", "/{model*}", model="fal-ai/model")
    frames = [Frame(TEXT, b"a", fin=False), Frame(CONTINUATION, b"b", fin=False)]
    talk.frames(*frames, Frame(CONTINUATION, b""), Frame(TEXT, b"abcd"))
    assert talk.meter.first_message == 3
    assert talk.meter.outbound.largest_message == 4
    assert talk.meter.model == "fal-ai/model"
    assert talk.end().missing == "not metered"


def test_a_message_takes_from_its_first_piece_to_its_last() -> None:
    now = 0.0
    tap = TotalsTap(lambda: now)
    pipe = Pipe(masked=False, limits=Limits(), observer=tap)

    def receive(moment: float, data: bytes) -> None:
        nonlocal now
        now = moment
        pipe.receive_data(data)

    text = Frame(TEXT, b"text").encode()
    receive(1, text)
    receive(3, text + Frame(TEXT, b"a", fin=False).encode())
    receive(4, Frame(CONTINUATION, b"", fin=False).encode())
    assert (tap.slowest_message, tap.slowest_until(4)) == (0, 1)
    receive(6, Frame(CONTINUATION, b"b").encode() + text[:2])
    assert (tap.slowest_message, tap.slowest_until(9)) == (3, 3)
    receive(7, text[2:3])
    receive(9, text[3:])
    assert (tap.slowest_message, tap.slowest_until(99)) == (3, 3)
    receive(10, text[:4])
    assert tap.slowest_until(14) == 4
    receive(20, text[4:])
    assert tap.slowest_message == 10
