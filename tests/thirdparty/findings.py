"""What was found, and what it means; docs/testing.md has the same in a table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from relay.testing.laws import Law
from relay.testing.laws.cases import HOSTILE
from relay.testing.stand import Stand

__all__ = ["KNOWN", "Finding", "known", "of_violations"]


class Finding(NamedTuple):
    """What became of a law."""

    who: str
    law: str
    broken: str
    """How it was broken, with the example; empty if it holds."""


KNOWN: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("websockets.protocol", "violations fail"): (
            "takes a payload length in a longer form than it needs. RFC 6455 5.2 obliges senders "
            "to the shortest form; that a receiver has to fail it does not say."
        ),
        ("wsproto.connection", "close is read"): (
            "fails with 1002 for Close 1014, which was registered after RFC 6455, by its rules "
            "(7.4.2). That a receiver has to know later codes it does not say."
        ),
        ("mitmproxy", "closes"): (
            "ends both sides with 1002 when a side closes with 1014, as wsproto does, which it "
            "stands on."
        ),
        ("mitmproxy", "honest endings"): (
            "tells one side 1000 when the other one vanishes. RFC 6455 7.4.1 has that for a "
            "purpose that was fulfilled; of intermediaries it asks nothing."
        ),
        ("mitmproxy", "whole sessions"): "Close 1014, as above.",
        ("aiohttp", "refusals"): (
            "gives its client's caller the status of a refusal and not its body, so that a relay "
            "made of it cannot hand that on. RFC 6455 asks for nothing of the kind."
        ),
        ("aiohttp", "closes"): (
            "answers a Close by itself, without the reason, before its caller knows of it, and "
            "cannot send an empty one. RFC 6455 5.5.1 only says that the code is typically echoed."
        ),
        ("aiohttp", "violations"): (
            "its server takes unmasked frames and its client masked ones: RFC 6455 5.1 says that "
            "they MUST close the connection. It takes Close 1006 (7.4.1: MUST NOT be sent) and "
            "longer forms of a length (5.2), too; for these it obliges senders alone."
        ),
        ("aiohttp", "whole sessions"): "Closes, as above.",
        ("websockets", "closes"): (
            "its interface cannot send an empty Close, so that a relay made of it says 1000. RFC "
            "6455 5.5.1 allows both."
        ),
        ("websockets", "violations"): (
            "A length in a longer form, as websockets.protocol above; without max_size also one "
            "over 63 bits (5.2), which it waits for."
        ),
        ("websockets", "whole sessions"): "An empty Close, as above.",
    }
)
"""By third party and law: what it is, and what RFC 6455 says of it."""


def known(finding: Finding) -> str | None:
    """What is known of a law that is broken."""
    return KNOWN.get((finding.who, finding.law))


def of_violations(law: Law[Stand], stand: Stand) -> str:
    """Each violation that breaks the law, in words."""
    found = []
    with stand.search():
        for hostile in HOSTILE:
            for by in ("client", "origin"):
                try:
                    law.body(stand, hostile=hostile, by=by)
                except AssertionError as error:
                    found.append(f"  {hostile.name}, by the {by}: {str(error)[:200]}")
    return "\n".join(found)
