"""The examples: their opening handshakes and messages are the documented page's."""

from __future__ import annotations

import pytest

from relay.demo.examples import EXAMPLES, Opening

_BY_NAME = {example.provider: example for example in EXAMPLES}


def test_there_are_four() -> None:
    assert list(_BY_NAME) == ["openai", "google", "cartesia", "elevenlabs"]


@pytest.mark.parametrize(
    ("provider", "opening"),
    [
        (
            "openai",
            Opening(
                "openai?model=gpt-4o-realtime-preview-2024-12-17",
                (
                    ("OpenAI-Beta", "realtime=v1"),
                    ("Authorization", "Bearer KEY"),
                    ("cf-aig-authorization", "TOKEN"),
                ),
                (),
            ),
        ),
        ("google", Opening("google?api_key=KEY", (), ("cf-aig-authorization.TOKEN",))),
        (
            "cartesia",
            Opening(
                "cartesia?cartesia_version=2024-06-10&api_key=KEY",
                (),
                ("cf-aig-authorization.TOKEN",),
            ),
        ),
        (
            "elevenlabs",
            Opening(
                "elevenlabs?agent_id=demo-agent",
                (),
                ("xi-api-key.KEY", "cf-aig-authorization.TOKEN"),
            ),
        ),
    ],
)
def test_credentials_stand_where_the_page_puts_them(provider: str, opening: Opening) -> None:
    assert _BY_NAME[provider].opening("TOKEN", "KEY") == opening


def test_a_key_in_a_query_is_encoded() -> None:
    assert _BY_NAME["google"].opening("T", "a&b/c").resource == "google?api_key=a%26b%2Fc"


@pytest.mark.parametrize(
    ("provider", "resource"),
    [("google", "google"), ("cartesia", "cartesia?cartesia_version=2024-06-10")],
)
def test_the_token_alone_needs_no_key_in_the_query(provider: str, resource: str) -> None:
    assert _BY_NAME[provider].resource == resource


def test_what_is_billed_by_characters_is_in_the_message() -> None:
    for example in EXAMPLES:
        if example.billed:
            assert isinstance(example.message[example.billed], str)
