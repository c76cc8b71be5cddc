"""What clients offer and servers choose in ``Sec-WebSocket-Protocol`` (RFC 6455 1.9, 11.3.4)."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["broken_offers", "offers", "offers_and_choices", "subprotocol_names", "written_offers"]

_NAMES = ("realtime", "graphql-ws", "mqtt", "v1.example", "a", "A", "b+c", "x'y~z")
_CHARACTERS = "!#$%&'*+-.^_`|~09azAZ"  # RFC 9110 5.6.2

subprotocol_names = st.sampled_from(_NAMES) | st.text(_CHARACTERS, min_size=1, max_size=12)
"""One entry: a token of RFC 9110 5.6.2. Shrinks to ``realtime``."""


def offers(*, min_size: int = 0, max_size: int = 4) -> st.SearchStrategy[list[str]]:
    """What a client offers, in order of preference; no entry stands twice (RFC 6455 4.1, item 10).

    Args:
        min_size: The least number of entries; 0 offers nothing.
        max_size: The most.
    """
    return st.lists(subprotocol_names, min_size=min_size, max_size=max_size, unique=True)


@st.composite
def offers_and_choices(draw: st.DrawFn) -> tuple[list[str], str | None]:
    """What a client offers, and which of it a server chooses; None for none (RFC 6455 4.2.2)."""
    offered = draw(offers())
    return offered, draw(st.sampled_from([None, *offered]))


@st.composite
def written_offers(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """An offer, and one of the ways to write it: in one field line or in several (RFC 9110 5.3).

    Returns:
        The entries, and the field lines that say so.
    """
    entries = draw(offers(min_size=1))
    lines, line = [], [entries[0]]
    for entry in entries[1:]:
        if draw(st.booleans()):
            lines.append(line)
            line = []
        line.append(entry)
    separator = draw(st.sampled_from([", ", ",", " , ", ",\t"]))
    return entries, [f"Sec-WebSocket-Protocol: {separator.join(each)}" for each in (*lines, line)]


broken_offers = st.sampled_from(
    (
        "Sec-WebSocket-Protocol: a b",
        "Sec-WebSocket-Protocol: a;b",
        'Sec-WebSocket-Protocol: "a"',
        "Sec-WebSocket-Protocol: a, b/c",
        "Sec-WebSocket-Protocol: caf\xe9",
        "Sec-WebSocket-Protocol: a\x00b",
    )
)
"""Field lines that offer what is no token."""
