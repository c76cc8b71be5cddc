"""Any bytes of a client give a request for the provider, or a refusal; however they are cut."""

from __future__ import annotations

from relay.testing.handshakes import upgrade
from tests.fuzz.openings import GATEWAYS, HTTP_WORDS, SMALL_HEADS, open_session
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.handshakes import LIMITS, OTHER_TOKEN, TOKEN
from tests.protocol.test_bad_inputs import CLIENT

__all__ = ["TARGET"]

_MAX_SIZE = 1200
_TOKEN_LINE = f"cf-aig-authorization: Bearer {TOKEN}"


def check(raw: bytes) -> None:
    """Open a session with the data as what the client sends; the options choose the gateway and
    the limits."""
    given = FuzzInput.read(raw)
    gateway = GATEWAYS[given.options % len(GATEWAYS)]
    limits = SMALL_HEADS if given.has(2) else LIMITS
    at_once = open_session(given.at_once(), gateway, limits)
    assert open_session(given.chunks(), gateway, limits) == at_once


TARGET = Target(
    "client_opening",
    check,
    seeds=(
        *(
            fuzz_input(data, options=options)
            for _, _, data in CLIENT
            if len(data) <= _MAX_SIZE
            for options in (0, 1)
        ),
        fuzz_input(upgrade("/v1/acct/main/openai?model=gpt-realtime"), 7, 90, options=2),
        fuzz_input(upgrade("/v1/acct/main/google", "X: " + "x" * 197), 250, 3, options=5),
        fuzz_input(upgrade("/v1/acct/main/google", *["X: 1"] * 5), 170, options=5),
        fuzz_input(upgrade("/v1/acct/main/google", *["X: " + "x" * 110] * 4), 255, options=5),
        fuzz_input(
            upgrade("/v1/acct/main/google", _TOKEN_LINE, "Origin: https://app.test"), 200, options=3
        ),
        fuzz_input(
            upgrade(
                "/v1/acct/main/deepgram/v1/listen?model=m",
                f"Sec-WebSocket-Protocol: token, K, relay, cf-aig-authorization.{TOKEN}",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            )
            + b"\x81\x80\0\0\0\0",
            1,
            100,
            options=1,
        ),
    ),
    words=(
        *HTTP_WORDS,
        TOKEN.encode(),
        OTHER_TOKEN.encode(),
        b"/v1/acct/main/",
        b"https://app.test",
        b"Origin: ",
        b"cf-aig-authorization: ",
        b"cf-aig-byok-alias: ",
        b"HEAD ",
        b"http://relay.test/",
    ),
    max_size=_MAX_SIZE,
)
