from __future__ import annotations

import pytest

from relay.host_port import host_and_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("relay.example.com:65535", ("relay.example.com", 65535)),
        ("[::1]:443", ("::1", 443)),
    ],
)
def test_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    assert host_and_port(text) == expected


@pytest.mark.parametrize("text", ["", "a", "a:", ":1", "a:65536", "a:-1", "a:1/", "u@a:1", "::1:1"])
def test_what_is_not_both(text: str) -> None:
    assert host_and_port(text) is None
