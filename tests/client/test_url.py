"""URLs: where they lead, and what is wrong with those that lead nowhere."""

from __future__ import annotations

import pytest

from relay.client import split_url


@pytest.mark.parametrize(
    ("url", "parts", "authority"),
    [
        ("wss://h", (True, "h", 443, "/"), "h"),
        ("ws://h", (False, "h", 80, "/"), "h"),
        ("https://h.example/a/b", (True, "h.example", 443, "/a/b"), "h.example"),
        ("http://127.0.0.1:8080/", (False, "127.0.0.1", 8080, "/"), "127.0.0.1:8080"),
        ("WSS://h:443/x", (True, "h", 443, "/x"), "h"),
        ("wss://h:80", (True, "h", 80, "/"), "h:80"),
        ("ws://[::1]:8080/x", (False, "::1", 8080, "/x"), "[::1]:8080"),
        ("wss://h?a=1&b=%20/?", (True, "h", 443, "/?a=1&b=%20/?"), "h"),
        ("wss://h/p?", (True, "h", 443, "/p?"), "h"),
        ("wss://h//p/../q?x=@:", (True, "h", 443, "//p/../q?x=@:"), "h"),
    ],
)
def test_a_url_is_taken_apart(url: str, parts: tuple[bool, str, int, str], authority: str) -> None:
    split = split_url(url)
    assert tuple(split) == parts
    assert split.authority == authority


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "visible ASCII"),
        ("wss://h/a b", "visible ASCII"),
        ("wss://h/\n", "visible ASCII"),
        ("wss://h/ä", "visible ASCII"),
        ("h/x", "begin with wss://"),
        ("ftp://h/", "begin with wss://"),
        ("wss:/h/", "begin with wss://"),
        ("wss://h/#x", "fragment"),
        ("wss://user:secret@h/", "user name"),
        ("wss://", "host or port"),
        ("wss:///x", "host or port"),
        ("wss://:443/", "host or port"),
        ("wss://h:/", "host or port"),
        ("wss://h:x/", "host or port"),
        ("wss://a..b/", "host or port"),
        (f"wss://{'a' * 64}/", "host or port"),
        ("wss://::1/", "host or port"),
        ("wss://h:0/", "port is not between"),
        ("wss://h:65536/", "port is not between"),
    ],
)
def test_a_url_that_leads_nowhere_says_why(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_url(url)


def test_an_error_quotes_nothing_of_the_url() -> None:
    with pytest.raises(ValueError, match="port") as error:
        split_url("wss://h:x/?api_key=sk-secret")
    assert "secret" not in str(error.value)
