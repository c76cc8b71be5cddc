"""Where doubles look for credentials."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from relay.doubles.credentials import Slots, Verdict, mask
from relay.doubles.opening import Request

SLOTS = Slots(
    headers={b"authorization": "Bearer", b"x-api-key": ""},
    query=("key",),
    subprotocols=("secret.",),
)


def request(
    headers: Sequence[tuple[bytes, bytes]] = (),
    query: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
) -> Request:
    return Request(
        target="/",
        path="/",
        query=list(query),
        headers=list(headers),
        subprotocols=list(subprotocols),
    )


@pytest.mark.parametrize(
    ("arrived", "verdict"),
    [
        (request(), Verdict.MISSING),
        (request([(b"authorization", b"Bearer K")]), Verdict.ACCEPTED),
        (request([(b"authorization", b"bearer  K")]), Verdict.ACCEPTED),
        (request([(b"authorization", b"Bearer k")]), Verdict.WRONG),
        (request([(b"authorization", b"Bearer")]), Verdict.WRONG),
        (request([(b"authorization", b"Token K")]), Verdict.MISSING),
        (request([(b"x-api-key", b"K")]), Verdict.ACCEPTED),
        (request([(b"x-api-key", b"Bearer K")]), Verdict.WRONG),
        (request([(b"x-other-key", b"K")]), Verdict.MISSING),
        (request(query=[("key", "K")]), Verdict.ACCEPTED),
        (request(query=[("key", "")]), Verdict.WRONG),
        (request(query=[("api_key", "K")]), Verdict.MISSING),
        (request(subprotocols=["other", "secret.K"]), Verdict.ACCEPTED),
        (request(subprotocols=["K"]), Verdict.MISSING),
        (request([(b"x-api-key", b"K")], [("key", "K")]), Verdict.ACCEPTED),
        (request([(b"x-api-key", b"K")], [("key", "other")]), Verdict.WRONG),
    ],
)
def test_the_verdict_on_what_arrived(arrived: Request, verdict: Verdict) -> None:
    assert SLOTS.judge(arrived, "K") is verdict


@pytest.mark.parametrize("credential", ["", "short", "fifteen-letters", "sk-0123456789abcdefghij"])
def test_a_mask_never_shows_a_whole_credential(credential: str) -> None:
    assert credential == "" or credential not in mask(credential)


def test_a_mask_lets_a_long_credential_be_told_from_others() -> None:
    assert mask("sk-0123456789abcdefghij") == "sk-********ghij"
