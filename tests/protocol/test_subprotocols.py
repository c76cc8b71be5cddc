from __future__ import annotations

import pytest

from relay.protocol.subprotocols import answer, offered_entries
from tests.protocol.handshakes import refused


@pytest.mark.parametrize(
    ("lines", "entries"),
    [
        ([], ()),
        (["realtime"], ("realtime",)),
        (["realtime,relay ,\tx.y"], ("realtime", "relay", "x.y")),
        (["realtime", "relay"], ("realtime", "relay")),
        (["realtime, , relay,"], ("realtime", "relay")),
        (["realtime, Realtime"], ("realtime", "Realtime")),
        (["a" + " " * 8000], ("a",)),
        ([",".join(f"p{number}" for number in range(1000))], tuple(f"p{n}" for n in range(1000))),
    ],
)
def test_entries_are_offered_in_order_over_all_field_lines(
    lines: list[str], entries: tuple[str, ...]
) -> None:
    fields = [(b"sec-websocket-protocol", line.encode()) for line in lines]
    assert offered_entries(fields) == entries


@pytest.mark.parametrize(
    "value", ["real time", "a@b", "a/b", "a;b", 'a"b', "caf\xe9", "a:b", "k=v", "[x]"]
)
def test_an_entry_that_is_no_token_is_400(value: str) -> None:
    with refused(400) as caught:
        offered_entries([(b"sec-websocket-protocol", b"ok, " + value.encode("latin-1"))])
    assert value not in caught.value.message


def test_an_entry_that_is_offered_twice_is_400() -> None:
    fields = [(b"sec-websocket-protocol", b"a, b"), (b"sec-websocket-protocol", b"a")]
    with refused(400):
        offered_entries(fields)


TOKEN_ENTRY = "cf-aig-authorization.T"
KEY_ENTRY = "openai-insecure-api-key.K"
SECRETS = {TOKEN_ENTRY, KEY_ENTRY, "xi-api-key.K"}


@pytest.mark.parametrize(
    ("offered", "chosen", "answered"),
    [
        # Nothing is answered when nothing was offered.
        ([], None, None),
        ([], "realtime", None),
        # The provider's choice, if the client offered it and it is no secret.
        (["realtime", "convai"], "convai", "convai"),
        (["relay", "realtime"], "realtime", "realtime"),
        ([TOKEN_ENTRY, "relay", "convai"], "convai", "convai"),
        # Else the first entry that is no secret.
        (["realtime", "convai"], None, "realtime"),
        (["realtime", "convai"], "other", "realtime"),
        ([KEY_ENTRY, "realtime"], KEY_ENTRY, "realtime"),
        ([KEY_ENTRY, "realtime"], None, "realtime"),
        ([TOKEN_ENTRY, "relay"], None, "relay"),
        (["openai-beta.realtime-v1", KEY_ENTRY], None, "openai-beta.realtime-v1"),
        # If all are secrets, the gateway token's entry, which can be revoked here; else the first.
        ([KEY_ENTRY, TOKEN_ENTRY], KEY_ENTRY, TOKEN_ENTRY),
        ([TOKEN_ENTRY], None, TOKEN_ENTRY),
        ([KEY_ENTRY], KEY_ENTRY, KEY_ENTRY),
        (["xi-api-key.K", KEY_ENTRY], None, "xi-api-key.K"),
    ],
)
def test_exactly_one_offered_entry_is_answered(
    offered: list[str], chosen: str | None, answered: str | None
) -> None:
    assert answer(offered, SECRETS, chosen) == answered
