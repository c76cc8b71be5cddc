from __future__ import annotations

import pytest

from relay.protocol import (
    Limits,
    MessagePipe,
    PermessageDeflate,
    Pipe,
    UpstreamAnswer,
    UpstreamRequest,
    pipes,
)
from relay.protocol.frames import TEXT
from relay.testing.frames import MASKING_KEY, Frame, decode
from relay.testing.handshakes import upgrade
from tests.protocol.handshakes import TOKEN, a_gateway, admit

TARGET = "/v1/acct/main/openai?model=m"
LINES = ("Authorization: Bearer sk", "Sec-WebSocket-Extensions: permessage-deflate")
DEFLATE = PermessageDeflate()


def asked(*, compression: bool, messages_lane: bool = False) -> UpstreamRequest:
    """What the provider is asked."""
    gateway = a_gateway(
        authentication_required=False, compression=compression, messages_lane=messages_lane
    )
    return admit(upgrade(TARGET, *LINES), gateway).upstream


def answered(request: UpstreamRequest) -> tuple[Pipe, Pipe]:
    """The pipes, if the provider accepts the compression that it was offered."""
    compression = DEFLATE if request.compression else None
    return pipes(request, UpstreamAnswer(None, (), compression), Limits())


@pytest.mark.parametrize("compression", [False, True])
def test_by_default_it_is_the_verbatim_lane(compression: bool) -> None:
    inbound, outbound = answered(asked(compression=compression))
    assert (type(inbound), type(outbound)) == (Pipe, Pipe)
    compressed = Frame(TEXT, b"\0", rsv1=True)
    assert bool(inbound.receive_data(compressed.encode(MASKING_KEY))) is compression
    assert bool(outbound.receive_data(compressed.encode())) is compression


@pytest.mark.parametrize(
    "request_",
    [asked(messages_lane=True, compression=True), asked(compression=True).overheard()],
    ids=["configured", "overheard"],
)
def test_in_the_message_lane_nothing_is_compressed_and_masks_are_new(
    request_: UpstreamRequest,
) -> None:
    assert request_.messages_lane
    assert request_.compression == ()
    inbound, outbound = answered(request_)
    assert (type(inbound), type(outbound)) == (MessagePipe, MessagePipe)
    message = Frame(TEXT, b"hello")
    assert outbound.receive_data(message.encode()) == message.encode()
    assert inbound.receive_data(message.encode(MASKING_KEY)) != message.encode(MASKING_KEY)


def test_policies_need_the_message_lane() -> None:
    """ElevenLabs takes keys in messages."""
    gateway = a_gateway(stored_keys={("elevenlabs", "default"): "k"}, compression=True)
    target = "/v1/acct/main/elevenlabs/v1/text-to-speech/v/multi-stream-input"
    session = admit(upgrade(target, f"xi-api-key: {TOKEN}"), gateway)
    assert session.upstream.messages_lane
    inbound, outbound = answered(session.upstream)
    sent = Frame(TEXT, b'{"text": " ", "xi_api_key": "secret"}')
    (received,) = decode(inbound.receive_data(sent.encode(MASKING_KEY)), masked=True)
    assert received.payload == b'{"text": " "}'
    assert outbound.receive_data(sent.encode()) == sent.encode()


def _shout(message: str | bytes) -> tuple[str | bytes]:
    return (message.upper(),)


def test_a_program_adds_policies_of_its_own() -> None:
    request = asked(compression=True)
    assert request.filtered((), ()) is request
    hello, loud = Frame(TEXT, b"hello"), Frame(TEXT, b"HELLO").encode()
    for policies in (((_shout,), ()), ((), (_shout,)), ((_shout,), (_shout,))):
        filtered = request.filtered(*policies)
        assert filtered.messages_lane
        assert filtered.compression == ()
        inbound, outbound = answered(filtered)
        (received,) = decode(inbound.receive_data(hello.encode(MASKING_KEY)), masked=True)
        assert (received.payload == b"HELLO") is bool(policies[0])
        assert (outbound.receive_data(hello.encode()) == loud) is bool(policies[1])
