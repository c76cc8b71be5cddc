"""Request targets: those of any origin server, and those of the relay's own contract."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from hypothesis import strategies as st

from relay.protocol import Endpoint, Provider, by_name

__all__ = ["broken_targets", "relay_targets", "targets"]

_UNRESERVED = "abcXYZ019-._~"
_segments = st.text(_UNRESERVED + "!$&'()*+,;=:@", max_size=8) | st.text(max_size=4).map(
    lambda text: quote(text, safe="")
)
_parameters = st.text(_UNRESERVED + "!$'()*,;:@/?&=+", max_size=16) | st.text(max_size=4).map(
    lambda text: f"q={quote(text, safe='')}"
)


@st.composite
def targets(draw: st.DrawFn) -> str:
    """A target in origin form: a path, and perhaps a query (RFC 9112 3.2.1, RFC 3986 3.3, 3.4).

    Some proxies normalise dots and slashes before they forward; a law about theirs may want to
    filter. It shrinks to ``/``.
    """
    segments = draw(st.lists(_segments, max_size=4))
    path = "/" + "/".join(segments).lstrip("/")  # what follows two slashes, some take for a host
    return f"{path}?{draw(_parameters)}" if draw(st.booleans()) else path


broken_targets = st.sampled_from(
    (
        "/a b",
        "/a\tb",
        "/\x00",
        "/caf\xe9",
        "/a#fragment",
        "",
        "no-slash",
        "http://",
        "/%",
        "/%zz",
        "/..",
        "/%2e%2e/%2e%2e/etc",
        "/a?b#c",
    )
)
"""What is no target, or none that a server has to take; some servers answer 400, some go by it."""


def _path(draw: st.DrawFn, endpoint: Endpoint) -> str:
    """A native path of an endpoint, its variables filled in."""
    path = ""
    for segment in endpoint.path.split("/")[1:]:
        name = draw(st.text("abc-09_", min_size=1, max_size=8))
        if segment.startswith("{"):
            path += "/" + (f"{name}/{name}" if segment.endswith("*}") else name)
        elif "{" in segment:
            path += "/" + segment[: segment.index("{")] + name + segment[segment.index("}") + 1 :]
        else:
            path += "/" + segment
    return path


@st.composite
def relay_targets(
    draw: st.DrawFn, *, gateway: str = "acct/main", providers: Mapping[str, Provider] | None = None
) -> str:
    """A target that the relay has an endpoint for: ``/v1/ACCOUNT/GATEWAY/PROVIDER[/PATH][?QUERY]``.

    It shrinks to the default endpoint of the first provider.

    Args:
        gateway: ``account_id/gateway_id``.
        providers: Those that can be reached, by name and alias; those of the catalogue whose host
            is known, if not given.
    """
    known = by_name() if providers is None else providers
    names = [name for name, each in known.items() if not each.needs_url]
    name = draw(st.sampled_from(names))
    provider = known[name]
    endpoints = [each for each in provider.endpoints if provider.origin_of(each, "") is not None]
    path = ""
    if provider.endpoints[0].has_choice or draw(st.booleans()):
        path = _path(draw, draw(st.sampled_from(endpoints)))
    query = draw(st.just("") | _parameters.map(lambda text: f"?{text}"))
    return f"/v1/{gateway}/{name}{path}{query}"
