"""Any answer of a proxy to CONNECT opens the tunnel, or refuses; however it is cut."""

from __future__ import annotations

from relay.protocol import ClientHandshake, ConnectHandshake, Origin, Refused, Secret
from tests.fuzz.openings import HTTP_WORDS, check_refusal, check_shows_none
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.handshakes import LIMITS

__all__ = ["TARGET"]

_PASSWORD = "relay:open sesame"
_ORIGINS = (Origin("wss", "provider.test", 443), Origin("ws", "provider.test", 80))
_OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def check(raw: bytes) -> None:
    """Answer a CONNECT with the data; the options choose where the tunnel leads, and the end."""
    given = FuzzInput.read(raw)
    assert _outcome(given, given.chunks()) == _outcome(given, given.at_once())


def _outcome(given: FuzzInput, chunks: list[bytes]) -> object:
    origin = _ORIGINS[given.has(0)]
    handshake = ConnectHandshake(origin, Secret(_PASSWORD.encode()), LIMITS)
    handshake.request_data()
    try:
        for number, chunk in enumerate(chunks, start=1):
            rest = handshake.receive_data(chunk)
            if rest is not None:
                assert not rest or origin.scheme == "ws"
                first = rest + b"".join(chunks[number:])
                assert given.data.endswith(b"\r\n\r\n" + first)
                # What came with the answer is refused where TLS begins; what comes later is not
                # the handshake's, so that depends on the chunks.
                return "opened", first if origin.scheme == "ws" else None
        if given.has(1):
            assert handshake.receive_data(b"") is None
    except Refused as refused:
        assert refused.status == 502
        if origin.scheme == "wss" and "before TLS" in refused.message:
            return "opened", None
        sent = check_refusal(ClientHandshake(LIMITS), refused)
        check_shows_none(sent, _PASSWORD)
        return sent
    return None


TARGET = Target(
    "connect_proxy",
    check,
    seeds=(
        fuzz_input(_OPENED),
        fuzz_input(_OPENED + b"HTTP/1.1 101 ", 5, options=1),
        fuzz_input(_OPENED + b"early", 44, options=0),
        fuzz_input(b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + _OPENED, 30, options=2),
        fuzz_input(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"),
        fuzz_input(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        fuzz_input(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n", 1, 20, options=3),
        fuzz_input(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ),
    words=(*HTTP_WORDS, b"HTTP/1.1 100 Continue\r\n\r\n", b" 200 ", b" 101 "),
    max_size=400,
)
