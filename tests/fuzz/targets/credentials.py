"""No gateway token goes to a provider, no stored key to a client, wherever a client puts its own.

The head of the request is always valid, so that the fuzzer gets to what comes after: the data is a
target's end, and below it one field line on each line.
"""

from __future__ import annotations

from relay.protocol import CATALOGUE
from relay.testing.handshakes import upgrade
from tests.fuzz.openings import GATEWAYS, open_session
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.handshakes import OTHER_TOKEN, TOKEN

__all__ = ["TARGET"]


def check(raw: bytes) -> None:
    """Open a session with these credentials; the options choose the gateway."""
    given = FuzzInput.read(raw)
    target, *lines = given.data.decode("latin-1").split("\n")
    head = upgrade(f"/v1/acct/main/{target}", *lines)
    open_session([head], GATEWAYS[given.options % len(GATEWAYS)])


def _seed(options: int, target: str, *lines: str) -> bytes:
    return fuzz_input("\n".join((target, *lines)).encode("latin-1"), options=options)


TARGET = Target(
    "credentials",
    check,
    seeds=(
        *(_seed(0, provider.name, f"Authorization: Bearer {TOKEN}") for provider in CATALOGUE),
        _seed(0, "openai?model=m", f"Sec-WebSocket-Protocol: openai-insecure-api-key.{TOKEN}"),
        _seed(1, "openai?model=m", "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.K"),
        _seed(0, "deepgram/v1/listen", f"Sec-WebSocket-Protocol: token, {TOKEN}"),
        _seed(1, "deepgram/v1/listen", "Sec-WebSocket-Protocol: token, K"),
        _seed(1, "google?api_key=K%20&x=1"),
        _seed(0, f"google?api_key={TOKEN}"),
        _seed(0, f"google?key=rl%79_{TOKEN[4:]}", "x-goog-api-key: K"),
        _seed(2, "elevenlabs/v1/text-to-speech/v/stream-input?model_id=m", "xi-api-key: K"),
        _seed(2, "openai?model=gpt-4", "cf-aig-byok-alias: default"),
        _seed(1, "azure-openai/res/openai/v1/realtime?model=m", "api-key: K"),
        _seed(1, "google-vertex-ai/us-central1", "Authorization: Bearer K"),
        _seed(
            3,
            "cartesia",
            "Origin: https://app.test",
            f"Sec-WebSocket-Protocol: relay, cf-aig-authorization.{TOKEN}",
        ),
        # Tokens where a provider would see them.
        _seed(0, "openai?model=m", f"Authorization: {TOKEN}", f"User-Agent: {TOKEN}"),
        _seed(0, f"openai?model=m&user={TOKEN}", f"Authorization: {TOKEN}", f"Cookie: {TOKEN}"),
        _seed(1, f"openai?model={OTHER_TOKEN}", "Authorization: Bearer K"),
        _seed(1, f"speechmatics/v2/{TOKEN}", f"Authorization: Bearer {TOKEN}"),
        _seed(0, f"openai/{TOKEN}?cf-aig-authorization={TOKEN}", f"cf-aig-authorization: {TOKEN}"),
    ),
    words=(
        TOKEN.encode(),
        OTHER_TOKEN.encode(),
        b"rly_",
        b"%72ly_",
        b"Bearer ",
        b"Authorization: ",
        b"cf-aig-authorization: ",
        b"cf-aig-byok-alias: ",
        b"Sec-WebSocket-Protocol: ",
        b"cf-aig-authorization.",
        b"User-Agent: ",
        *sorted(
            {
                slot.name.encode() + end
                for provider in CATALOGUE
                for slot in provider.slots
                for end in (b": ", b"=", b"")
            }
        ),
        *(provider.name.encode() for provider in CATALOGUE),
    ),
    max_size=600,
)
