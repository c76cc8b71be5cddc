"""Any bytes of a provider give a 101, a refusal that shows no credential, or are waited upon."""

from __future__ import annotations

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from relay.protocol import (
    ClientHandshake,
    PermessageDeflate,
    ProviderRefused,
    Refused,
    Secret,
    UpstreamAnswer,
    refusal,
)
from relay.testing.handshakes import ACCEPT, KEY, switch
from tests.fuzz.openings import HTTP_WORDS, SMALL_HEADS, check_refusal, check_shows_none
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.handshakes import LIMITS, dialled
from tests.protocol.test_bad_inputs import UPSTREAM

__all__ = ["TARGET"]

_CREDENTIAL = 'sk-"own"/key+1'
_MAX_BODY = 64 * 1024
_MAX_SIZE = 800
_PASSED = (b"request-id", b"x-request-id", b"dg-request-id")
_URI = parse_uri("wss://provider.test/v1/realtime")


def check(raw: bytes) -> None:
    """Answer a handshake with the data; the options choose what was offered, and the end."""
    given = FuzzInput.read(raw)
    assert _outcome(given, given.chunks()) == _outcome(given, given.at_once())


def _outcome(given: FuzzInput, chunks: list[bytes]) -> object:
    offered = ("a", "b") if given.has(0) else ()
    compression = (PermessageDeflate((("client_max_window_bits", None),)),) if given.has(1) else ()
    handshake = dialled(
        *offered,
        secrets=(Secret(_CREDENTIAL.encode()),),
        limits=SMALL_HEADS if given.has(3) else LIMITS,
        compression=compression,
    )
    try:
        for number, chunk in enumerate(chunks, start=1):
            answer = handshake.receive_data(chunk)
            if answer is not None:
                _check_switch(given, answer, offered)
                return answer, handshake.early_data + b"".join(chunks[number:])
        if given.has(2):
            assert handshake.receive_data(b"") is None
            raise AssertionError("the end of the connection was taken for nothing")
    except Refused as refused:
        if isinstance(refused, ProviderRefused):
            assert refused.body is None or len(refused.body) <= _MAX_BODY
        else:
            assert refused.status == 502
        return _shown(refused)
    return _shown(handshake.timed_out())


def _shown(refused: Refused) -> object:
    sent = check_refusal(ClientHandshake(LIMITS), refused)
    check_shows_none(sent, _CREDENTIAL)
    assert _CREDENTIAL.replace('"', '\\"').encode() not in refusal(refused, "id").body
    return sent


def _check_switch(given: FuzzInput, answer: UpstreamAnswer, offered: tuple[str, ...]) -> None:
    """What was taken for a 101 is one to another implementation, too."""
    assert answer.subprotocol is None or answer.subprotocol in offered
    for name, value in answer.fields:
        assert name in _PASSED
        check_shows_none(value, _CREDENTIAL)
    assert answer.compression is None or given.has(1)
    assert b"101" in given.data
    extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)]
    other = ClientProtocol(
        _URI,
        subprotocols=[Subprotocol(each) for each in offered] or None,
        extensions=extensions if given.has(1) else None,
    )
    other.key = KEY.decode()
    # The head that was accepted begins with the last status line; interim answers are before it.
    head = given.data[given.data.rindex(b"HTTP/1.1 101", 0, _end_of_switch(given.data)) :]
    lines = head[: head.index(b"\r\n\r\n")].split(b"\r\n")[1:]
    headers = Headers()
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"connection":
            value = b"Upgrade"  # checked by us alone, who ignore members that are no tokens
        headers[name.decode("latin-1")] = value.strip(b" \t").decode("latin-1")
    if (bits := answer.compression) and ("client_max_window_bits", 8) in bits.parameters:
        return  # RFC 7692 7.1.2.2 allows it; zlib has none, so that implementation does not
    other.process_response(Response(101, "Switching Protocols", headers))
    assert other.subprotocol == answer.subprotocol
    assert bool(other.extensions) is (answer.compression is not None)


def _end_of_switch(data: bytes) -> int:
    return data.index(b"\r\n\r\n", data.index(b" 101")) + 4


def _refusal(body: bytes, *lines: bytes, status: bytes = b"401") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status + b" No", *lines, b"", body))


_BODY = b'{"error": "bad key %b"}'
_LENGTH = b"Content-Length: 12"

TARGET = Target(
    "upstream_opening",
    check,
    seeds=(
        *(
            fuzz_input(data, options=options)
            for _, _, data in UPSTREAM
            if len(data) <= _MAX_SIZE
            for options in (0, 7)
        ),
        fuzz_input(
            switch("Sec-WebSocket-Protocol: b", "x-request-id: 1") + b"\x81\0", 9, options=1
        ),
        fuzz_input(
            switch("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9"),
            50,
            options=2,
        ),
        fuzz_input(b"HTTP/1.1 103 Early Hints\r\n\r\n" + switch(), 30),
        fuzz_input(switch("X: " + "x" * 198), 80, 200, options=8),
        fuzz_input(switch(f"x-request-id: {_CREDENTIAL}")),
        fuzz_input(_refusal(b"invalid key!", _LENGTH, b"Retry-After: 1"), 60, 3),
        fuzz_input(_refusal(_BODY % _CREDENTIAL.encode(), b"Connection: close"), 60, 3, options=4),
        fuzz_input(_refusal(b"sk-%22own%22%2Fkey%2B1", b"Content-Length: 22")),
        fuzz_input(_refusal(b"4\r\nnope\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 70, 2),
        fuzz_input(_refusal(b"", b"Content-Length: 0", status=b"429")),
    ),
    words=(
        *HTTP_WORDS,
        _CREDENTIAL.encode(),
        ACCEPT,
        b"Sec-WebSocket-Accept: ",
        b"x-request-id: ",
        b"retry-after: ",
        b"content-encoding: gzip",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b" 101 ",
    ),
    max_size=_MAX_SIZE,
)
