"""Any `Sec-WebSocket-Extensions` is read as another parser reads it, or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.headers import parse_extension

from relay.protocol import PermessageDeflate
from relay.protocol.compression import (
    NegotiationError,
    accepted_compression,
    offered_compression,
)
from tests.fuzz.target import FuzzInput, Target, fuzz_input

__all__ = ["TARGET"]

_Parameter = tuple[str, str | None]

_NAME = b"sec-websocket-extensions"
_OFFER = PermessageDeflate((("client_max_window_bits", None),))
_CLIENT = ClientPerMessageDeflateFactory(client_max_window_bits=True)
_SERVER = ServerPerMessageDeflateFactory()


def check(raw: bytes) -> None:
    """Read the data as an offer, and as the answer to one."""
    value = FuzzInput.read(raw).data.strip(b" \t")
    offers = offered_compression([(_NAME, value)])
    if offers:
        deflates = [
            parameters
            for name, parameters in parse_extension(value.decode("latin-1"))
            if name == "permessage-deflate"
        ]
        assert len(offers) <= len(deflates)
        assert [offer.parameters for offer in offers] == _well_formed(deflates)
        written = ", ".join(map(str, offers)).encode()
        assert offered_compression([(_NAME, written)]) == offers
    try:
        accepted = accepted_compression([(_NAME, value)], (_OFFER,))
    except NegotiationError:
        return
    assert accepted is not None
    assert accepted_compression([(_NAME, str(accepted).encode())], (_OFFER,)) == accepted
    ((_, parameters),) = parse_extension(value.decode("latin-1"))
    _CLIENT.process_response_params(_for_zlib(parameters), [])


def _well_formed(deflates: Iterable[Iterable[_Parameter]]) -> list[object]:
    """The offers of these that a server of another implementation understands."""
    understood: list[object] = []
    for parameters in deflates:
        try:
            _SERVER.process_request_params(_for_zlib(parameters), [])
        except InvalidHandshake:
            continue
        understood.append(
            tuple((name, None if bits is None else int(bits)) for name, bits in parameters)
        )
    return understood


def _for_zlib(parameters: Iterable[_Parameter]) -> list[_Parameter]:
    """The same without windows of 8 bits, which RFC 7692 allows, and zlib does not have."""
    return [(name, "9" if bits == "8" else bits) for name, bits in parameters]


TARGET = Target(
    "compression",
    check,
    seeds=tuple(
        map(
            fuzz_input,
            (
                b"permessage-deflate",
                b"permessage-deflate; client_max_window_bits",
                b"permessage-deflate; client_max_window_bits=15; server_no_context_takeover",
                b'permessage-deflate ;server_max_window_bits = "1\\0", x-other; a="b, c"',
                b", permessage-deflate; client_no_context_takeover,,permessage-deflate\t",
                b"permessage-deflate; server_max_window_bits=08",
                b"permessage-deflate; unknown, x; y=1",
                b"permessage-deflate; server_max_window_bits= 8",
            ),
        )
    ),
    words=(
        b"permessage-deflate",
        b"client_max_window_bits",
        b"server_max_window_bits",
        b"client_no_context_takeover",
        b"server_no_context_takeover",
        b'="',
        b"; ",
    ),
    max_size=200,
)
