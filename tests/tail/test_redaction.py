"""What of a text is shown: never a secret, in whatever way it is written."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import Secret
from relay.tail.redaction import HELD, HIDDEN, LONGEST, Redaction

KEY = b'sk/of"the-client\\1'
TOKEN = "rly_" + "t" * 43
REDACTION = Redaction([Secret(KEY)])
TEXT_KEY = KEY.decode()


def escaped(text: str) -> str:
    """All of it in escapes of JSON."""
    return "".join(f"\\u{ord(each):04X}" for each in text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"type":"response.create"}',
        "grüße 👋",
        '{"text": "a \\"quote\\", 100 % of it, and a \\\\ \\n\\u00e9"}',
        "sk/of",
        "rly_short",
        "a" * 127,
    ],
)
def test_a_text_without_secrets_is_shown_as_it_is(text: str) -> None:
    assert REDACTION.show(text.encode()) == text


WRITTEN = {
    "as it is": TEXT_KEY,
    "in JSON": json.dumps(TEXT_KEY),
    "in JSON, slashes escaped": json.dumps(TEXT_KEY).replace("/", "\\/"),
    "all in escapes": escaped(TEXT_KEY),
    "in JSON in JSON": json.dumps(json.dumps({"key": TEXT_KEY})),
    "escapes in JSON in JSON": json.dumps(json.dumps(escaped(TEXT_KEY))),
    "percent-encoded": quote(TEXT_KEY, safe=""),
    "percent-encoded in JSON": escaped(quote(TEXT_KEY, safe="")),
    "with NUL between": TEXT_KEY.encode("utf-16-le").decode(),
    "a gateway token": TOKEN,
    "a gateway token, in escapes": escaped(TOKEN),
    "a gateway token, percent-encoded": TOKEN.replace("_", "%5F"),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("around", ["{}", '{{"a": "{}"}}', "x" * 3000 + "{}", "{}" + "y" * 3000])
def test_a_text_with_a_secret_is_not_shown(written: str, around: str) -> None:
    assert REDACTION.show(around.format(written).encode()) == HIDDEN
    assert REDACTION.show(around.format(written).encode(), whole=False) == HIDDEN


def test_what_is_escaped_more_often_than_anybody_needs_is_not_shown() -> None:
    assert REDACTION.show(escaped("a" * 3999).encode()) != HIDDEN
    assert REDACTION.show(escaped("a" * 4000).encode()) == HIDDEN
    assert REDACTION.show(("\\n\\u00e9" * 8000).encode()) != HIDDEN


@pytest.mark.parametrize("times", [1, 2, 5, 8])
def test_json_in_json_however_deep(times: int) -> None:
    text, secret = "x", escaped(TEXT_KEY)
    for _ in range(times):
        text, secret = json.dumps(text), json.dumps(secret)
    assert REDACTION.show(text.encode()).removesuffix("…") == text[:LONGEST]
    assert REDACTION.show(secret.encode()) == HIDDEN


@pytest.mark.parametrize(
    "text", ["\\", "\\u00", "%41", "A" * 127 + " ", "\\/", "\\" * 127 + " ", "\\u00e9", "\\u0041"]
)
def test_the_worst_texts_take_time_in_proportion(text: str) -> None:
    """Were it quadratic, these would take minutes."""
    REDACTION.show((text * 1_000_000).encode()[:1_000_000])


def test_base64_begins_with_an_escape_or_after_it() -> None:
    """Were it looked for within each escape, a text of many would take ten times as long."""
    assert REDACTION.show(b"\\u002b" + b"A" * 124) == "\\u002b" + "A" * 124
    assert REDACTION.show(b"\\/" + b"A" * 127) == "…(129 base64)"
    assert REDACTION.show(b"\\n" + b"A" * 127) == "\\…(128 base64)"


def test_escapes_are_no_base64() -> None:
    text = "\\u00e9" * 100
    assert REDACTION.show(text.encode()) == text


def test_an_escape_of_the_backslash_of_an_escape() -> None:
    assert REDACTION.show(escaped(escaped("sk")).encode() + KEY[2:]) == HIDDEN
    text = "x"
    for _ in range(4):
        text = text.replace("\\", "\\u005c") if "\\" in text else escaped(text)
    assert REDACTION.show(text.encode()) == HIDDEN  # nobody knows


@pytest.mark.parametrize("end", ["\\", "\\u12", "\\uD83D", "%", "%a"])
def test_escapes_that_are_cut_are_no_harm(end: str) -> None:
    assert REDACTION.show(f'{{"a": "{end}'.encode()) == f'{{"a": "{end}'


def test_what_is_not_utf_8_is_shown_as_far_as_it_is() -> None:
    assert REDACTION.show(b"a\xffb") == "a\ufffdb"
    assert REDACTION.show(b"a\xff" + KEY) == HIDDEN


@pytest.mark.parametrize("name", ["xi_api_key", "XI_API_KEY", "xi\\u005fapi_key"])
def test_a_message_with_a_member_that_carries_a_credential_is_not_shown(name: str) -> None:
    text = f'{{"{name}": "of the client"}}'
    assert Redaction([], ["xi_api_key"]).show(text.encode()) == HIDDEN
    assert Redaction([]).show(text.encode()) == text


@pytest.mark.parametrize(
    ("count", "shown"), [(81, None), (96, "…(128 base64)"), (9258, "…(12,344 base64)")]
)
@pytest.mark.parametrize("how", ["standard", "urlsafe", "slashes escaped", "as .NET does"])
def test_long_base64_gives_way_to_its_length(count: int, shown: str | None, how: str) -> None:
    data = b"\xff\xfe" + bytes(count - 2)
    encoded = (base64.urlsafe_b64encode if how == "urlsafe" else base64.b64encode)(data).decode()
    if how == "slashes escaped":
        encoded = encoded.replace("/", "\\/")
    if how == "as .NET does":
        encoded = encoded.replace("/", "\\u002F").replace("+", "\\u002B")
    text = f'{{"audio":"{encoded}","n":1}}'
    extra = encoded.count("\\")
    if shown is not None and extra:
        shown = f"…({len(encoded):,} base64)"
    assert REDACTION.show(text.encode()) == f'{{"audio":"{shown or encoded}","n":1}}'


def test_padding_belongs_to_base64() -> None:
    encoded = base64.b64encode(bytes(100)).decode()
    assert encoded.endswith("==")
    assert REDACTION.show(f'"{encoded}"'.encode()) == f'"…({len(encoded)} base64)"'


def test_a_long_text_is_cut() -> None:
    words = "word " * 1000
    assert REDACTION.show(words.encode()) == words[:LONGEST] + "…"
    assert REDACTION.show(words[:LONGEST].encode()) == words[:LONGEST]


def test_of_a_text_that_goes_on_only_the_beginning_is_shown() -> None:
    """What stands at its end may be the beginning of a secret."""
    audio = b'{"audio":"' + b"A" * (HELD - 20)
    shown = REDACTION.show(audio + b'","k":"sk/', whole=False)
    assert shown == '{"audio":"…(32,758+ base64)…'
    text = b"A" * 20_000 + b" " + b"B" * 11_000 + b" C " + b"D" * 40_000
    shown = REDACTION.show(text[:HELD], whole=False)
    assert shown == "…(20,000 base64) …(11,000 base64) C …(1,764+ base64)…"


def form(character: str, way: str) -> str:
    if way == "plain":
        return character
    return escaped(character) if way == "u" else f"%{ord(character):02x}"


@given(
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    ways=st.lists(st.sampled_from(["u", "%", "plain"]), min_size=len(KEY), max_size=len(KEY)),
    times=st.integers(0, 3),
)
def test_no_mixture_of_escapes_shows_a_secret(
    before: str, after: str, ways: list[str], times: int
) -> None:
    written = "".join(
        # A bare backslash would make an escape of what follows it.
        form(each, "u" if each == "\\" else way)
        for each, way in zip(TEXT_KEY, ways, strict=True)
    )
    text = before.replace("\\", "") + written + after
    for _ in range(times):
        text = json.dumps(text)
    assert REDACTION.show(text.encode()) == HIDDEN
