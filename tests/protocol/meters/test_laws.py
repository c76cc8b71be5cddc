"""The laws of meters: what they see does not depend on how it was sent, and they change nothing."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import (
    CATALOGUE,
    Endpoint,
    Limits,
    MessagePipe,
    PermessageDeflate,
    Pipe,
    SessionMeter,
)
from relay.protocol.frames import CONTINUATION
from relay.testing.frames import Frame, cut
from relay.testing.strategies import any_bytes, chunkings, control_frames, masking_keys
from tests.protocol.meters.talk import Message, frame

ENDPOINTS = list(
    {each.meter: each for entry in CATALOGUE for each in entry.endpoints if each.meter}.values()
)
endpoints = st.sampled_from(ENDPOINTS)
QUERY = b"encoding=linear16&sample_rate=16000&audio_format=pcm_16000&model=@cf/deepgram/nova-3"

Said = tuple[bool, Message]
"""Whether the client said it, and what."""


def audio(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


USAGE = {"seconds": 3, "input_tokens": 5, "output_tokens": 6, "prompt_tokens": 7}
RESPONSE = {"id": "r", "status": "completed", "usage": USAGE, "model": "m"}
SAID: list[Mapping[str, object]] = [
    {"type": "session.created", "session": {"model": "m"}},
    {"type": "response.created", "response": {"id": "r"}},
    {"type": "response.output_audio.delta", "response_id": "r", "delta": audio(900)},
    {"event_id": "e", "type": "response.output_audio.delta", "delta": audio(900)},
    {"type": "response.output_text.delta", "delta": "Hé"},
    {"type": "response.done", "response": RESPONSE},
    {"type": "response.completed", "response": RESPONSE},
    {"type": "session.usage.updated", "usage": USAGE},
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm"}}]}}},
    {
        "serverContent": {
            "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": audio(2000)}}]}
        }
    },
    {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 3}},
    {"setup": {"model": "models/m"}},
    {"model_id": "m", "context_id": "c", "transcript": "Hello"},
    {"type": "chunk", "context_id": "c", "data": audio(900)},
    {"type": "done", "context_id": "c"},
    {"text": "Hello"},
    {"audio": audio(900), "isFinal": None},
    {"audio": None, "isFinal": True},
    {"message_type": "input_audio_chunk", "audio_base_64": audio(300), "commit": False},
    {"message_type": "input_audio_chunk", "audio_base_64": audio(1000), "commit": False},
    {"message_type": "input_audio_chunk", "audio_base_64": audio(3000), "commit": False},
    {"type": "session.input_audio_buffer.append", "audio": audio(2000)},
    {"type": "Speak", "text": "Hello"},
    {"type": "Flushed"},
    {"type": "Results", "duration": 0.5, "is_final": True},
    {"type": "Metadata", "duration": 1.5, "channels": 2, "model_name": "m"},
    {"message": "AddTranscript", "metadata": {"end_time": 1.5}},
    {"type": "transcription.done", "usage": USAGE},
    {"type": "reply.started"},
    {"type": "reply.done"},
    {"type": "assistant_message"},
    {"type": "audio_output", "data": audio(900)},
    {"type": "assistant_end"},
]
messages = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(SAID)
        | st.binary(max_size=40)
        | st.text(max_size=40)
        | st.sampled_from([b"", "", b"\0" * 3000, b'{"serverContent":{}}']),
    ),
    max_size=12,
)


def observed(
    endpoint: Endpoint, compression: PermessageDeflate | None = None
) -> tuple[SessionMeter, Pipe, Pipe]:
    meter = SessionMeter(endpoint, clock=lambda: 1.0, query=QUERY, compression=compression)
    compressed = compression is not None
    return (
        meter,
        Pipe(masked=True, limits=Limits(), observer=meter.inbound, compressed=compressed),
        Pipe(masked=False, limits=Limits(), observer=meter.outbound, compressed=compressed),
    )


def seen(meter: SessionMeter) -> tuple[object, ...]:
    """All that can be seen of a session."""
    meter.finish(2.0)
    return (
        meter.usage,
        meter.missing,
        meter.turns,
        meter.model,
        meter.talking,
        meter.first_message,
        meter.first_audio,
        meter.inbound.heard,
        meter.inbound.first_message,
    )


def largest(meter: SessionMeter) -> tuple[int, int]:
    return meter.inbound.largest_message, meter.outbound.largest_message


def plainly(endpoint: Endpoint, said: Sequence[Said]) -> SessionMeter:
    """Each message in one frame and one chunk."""
    meter, inbound, outbound = observed(endpoint)
    for is_client, message in said:
        whole = frame(message).encode(b"\1\2\3\4" if is_client else None)
        (inbound if is_client else outbound).receive_data(whole)
    return meter


def fragments(data: st.DataObject, whole: Frame) -> list[Frame]:
    """A message in pieces, with a control frame between some."""
    size = len(whole.payload)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=3)))
    frames: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, size], strict=True):
        opcode = CONTINUATION if frames else whole.opcode
        rsv1 = whole.rsv1 and not frames
        last = len(frames) == len(cuts)
        frames.append(Frame(opcode, whole.payload[start:end], fin=last, rsv1=rsv1))
    if len(frames) > 1 and data.draw(st.booleans()):
        frames.insert(1, data.draw(control_frames))
    return frames


@given(endpoint=endpoints, said=messages, data=st.data())
def test_what_is_seen_does_not_depend_on_chunks_fragments_and_masks(
    endpoint: Endpoint, said: list[Said], data: st.DataObject
) -> None:
    meter, inbound, outbound = observed(endpoint)
    for is_client, message in said:
        frames = fragments(data, frame(message))
        keys = [data.draw(masking_keys) if is_client else None for _ in frames]
        stream = b"".join(each.encode(key) for each, key in zip(frames, keys, strict=True))
        pipe = inbound if is_client else outbound
        for chunk in cut(stream, data.draw(chunkings)):
            pipe.receive_data(chunk)
    plain = plainly(endpoint, said)
    assert largest(meter) == largest(plain)
    assert seen(meter) == seen(plain)
    assert meter.missing in {None, "not metered", "not reported"}


@pytest.mark.parametrize(
    "compression",
    [
        PermessageDeflate(),
        PermessageDeflate(
            (("client_no_context_takeover", None), ("server_no_context_takeover", None))
        ),
    ],
    ids=["takeover", "no takeover"],
)
@given(endpoint=endpoints, said=messages, data=st.data())
def test_what_is_compressed_is_seen_as_if_it_were_not(
    compression: PermessageDeflate, endpoint: Endpoint, said: list[Said], data: st.DataObject
) -> None:
    meter, inbound, outbound = observed(endpoint, compression)
    deflaters = [zlib.compressobj(wbits=-15), zlib.compressobj(wbits=-15)]
    for is_client, message in said:
        whole = frame(message)
        if data.draw(st.booleans()):
            if compression.parameters:
                deflaters = [zlib.compressobj(wbits=-15), zlib.compressobj(wbits=-15)]
            deflate = deflaters[is_client]
            payload = deflate.compress(whole.payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
            whole = Frame(whole.opcode, payload[:-4], rsv1=True)
        pipe = inbound if is_client else outbound
        for each in fragments(data, whole):
            pipe.receive_data(each.encode(data.draw(masking_keys) if is_client else None))
    plain = plainly(endpoint, said)
    # What stands around audio is learned from sizes only where nothing is compressed.
    assert seen(meter) == seen(plain)


@pytest.mark.parametrize("lane", ["verbatim", "compressed", "messages"])
@pytest.mark.parametrize("masked", [True, False], ids=["inbound", "outbound"])
@given(endpoint=endpoints, data=st.data(), sizes=chunkings)
def test_no_bytes_raise_and_none_are_changed(
    lane: str, *, masked: bool, endpoint: Endpoint, data: st.DataObject, sizes: list[int]
) -> None:
    stream = data.draw(any_bytes(masked=masked))
    compression = PermessageDeflate() if lane == "compressed" else None
    meter = SessionMeter(endpoint, clock=lambda: 1.0, query=QUERY, compression=compression)
    observer = meter.inbound if masked else meter.outbound
    for chunks in (cut(stream, sizes), [stream]):
        bare, pipe = (
            MessagePipe(masked=masked, limits=Limits(), observer=each)
            if lane == "messages"
            else Pipe(
                masked=masked, limits=Limits(), compressed=lane == "compressed", observer=each
            )
            for each in (None, observer)
        )
        for chunk in chunks:
            out = pipe.receive_data(chunk)
            if lane == "messages" and masked:  # wsproto masks anew
                assert len(out) == len(bare.receive_data(chunk))
            else:
                assert out == bare.receive_data(chunk)
        assert (pipe.state, pipe.close, str(pipe.error)) == (
            bare.state,
            bare.close,
            str(bare.error),
        )
    assert observer.failure != "failed"
    meter.finish(2.0)
