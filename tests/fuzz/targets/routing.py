"""Any target gives a route or a refusal: an endpoint of the catalogue, and never another host."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from relay.protocol import CATALOGUE, Refused, by_name, parse_target, redact, route
from relay.protocol.routing import model_allowed
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.handshakes import CONFIGURED, TOKEN

__all__ = ["TARGET"]

_PROVIDERS = by_name()
_CHOICE = re.compile(r"\{\w+\*?\}")
_PATH = re.compile(r"(/[A-Za-z0-9_.~:@-]+)+")
_PART = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check(raw: bytes) -> None:
    """Route the data; the options choose the catalogue alone, or configured URLs."""
    given = FuzzInput.read(raw)
    data = b"/v1/acct/main/" + given.data if given.has(1) else given.data
    providers = CONFIGURED if given.has(0) else _PROVIDERS
    shown = redact(data.decode("latin-1"))
    assert TOKEN not in shown
    try:
        target = parse_target(data)
    except Refused as refused:
        assert refused.status == 404
        return
    path, mark, query = data.partition(b"?")
    assert target.query == (query if mark else None)
    assert f"/v1/{target.gateway}/{target.provider}" in path.decode("latin-1")
    assert TOKEN not in repr(target)
    try:
        found = route(target, providers)
    except Refused as refused:
        assert refused.status == 400
        return
    assert found == route(target, providers)
    provider, origin = found.provider, found.origin
    assert _PATH.fullmatch(found.path)
    assert {".", ".."}.isdisjoint(found.path.split("/"))
    if origin not in provider.origins:  # then the client has named a part of the host
        assert found.names_account
        before, after = (found.endpoint.host or provider.named_host).split("{}")
        assert (origin.scheme, origin.port) == ("wss", 443)
        assert origin.host.startswith(before)
        assert origin.host.endswith(after)
        assert _PART.fullmatch(origin.host[len(before) : len(origin.host) - len(after)])
    name = found.endpoint.model
    if found.model is None and name is not None and model_allowed(target.query, found, ("m",)):
        parameters = parse_qs((target.query or b"").decode("latin-1"), keep_blank_values=True)
        assert {*parameters[name]} == {"m"}  # as another parser reads it


TARGET = Target(
    "routing",
    check,
    seeds=(
        *(
            fuzz_input(
                f"{provider.name}{_CHOICE.sub('m', endpoint.path)}".encode(), options=options
            )
            for provider in CATALOGUE
            for endpoint in provider.endpoints
            for options in (2, 3)
        ),
        fuzz_input(b"openai?model=m", options=2),
        fuzz_input(b"azure-openai/res/openai/v1/realtime?deployment=m", options=2),
        fuzz_input(b"google-vertex-ai/us-central1", options=2),
        fuzz_input(b"fal/fal-ai/m/realtime", options=2),
        fuzz_input(b"fal/fal-ai/../realtime", options=2),
        fuzz_input(b"elevenlabs/v1/text-to-speech/../stream-input", options=2),
        fuzz_input(b"/v1/acct/main/openai//..//v1/realtime?%6dodel=m"),
        fuzz_input(f"/v1/acct/main/openai/{TOKEN}?key={TOKEN}".encode()),
    ),
    words=(
        *(provider.name.encode() for provider in CATALOGUE),
        b"/v1/acct/main/",
        b"model=m",
        b"..",
        b"%2e",
        b"%2f",
        TOKEN.encode(),
    ),
    max_size=300,
)
