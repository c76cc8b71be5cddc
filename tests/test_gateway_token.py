"""Gateway tokens: what they are made of, and what the configuration holds of them."""

from __future__ import annotations

import base64
import re

import pytest

from relay.gateway_token import new_token, token_hash
from relay.protocol.credentials import contains_token


def test_a_token_is_32_bytes_in_base64url_after_its_prefix() -> None:
    token = new_token()
    assert re.fullmatch(r"rly_[A-Za-z0-9_-]{43}", token)
    assert len(base64.urlsafe_b64decode(token.removeprefix("rly_") + "=")) == 32


def test_a_token_is_what_the_core_takes_for_one() -> None:
    assert contains_token(new_token().encode())


def test_a_token_may_stand_in_a_subprotocol_entry() -> None:
    token_characters = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 5.6.2
    assert re.fullmatch(token_characters, f"cf-aig-authorization.{new_token()}")


def test_tokens_differ() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("token", "sha256"),
    [  # FIPS 180-4, and its test vectors
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
    ],
)
def test_the_hash_is_sha256_in_hexadecimal(token: str, sha256: str) -> None:
    assert token_hash(token) == sha256
