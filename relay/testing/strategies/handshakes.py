"""Opening handshakes as bytes, valid and broken: requests and answers (RFC 6455 4).

All of them begin with the example of RFC 6455 1.3, whose key is
:data:`~relay.testing.handshakes.KEY`, so that an answer fits any of the requests.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from relay.testing.handshakes import ACCEPT, head, switch, upgrade

__all__ = ["any_answers", "any_requests", "refusals", "valid_answers", "valid_requests"]

_FRAGMENTS = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b",",
    b"\x00",
    b"\xe9",
    b"%00",
    b"#",
    b"//",
    b"HEAD",
    b"CONNECT",
    b"POST /",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"http://evil.example",
    b"\r\n\r\n",
    b"A" * 9000,
)
_LINES = (
    b"Host: evil.example",
    b"Content-Length: 5",
    b"Content-Length: " + b"9" * 30,
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Expect: 100-continue",
    b"Connection: caf\xe9, close, Upgrade",
    b"Upgrade: h2c, websocket",
    b"Origin: http://a:b",
    b"Origin: null",
    b"Sec-WebSocket-Protocol: caf\xe9",
    b"Sec-WebSocket-Protocol: a,,b c",
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    b'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits="1\\5", x; y="',
    b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99, caf\xe9",
    b"Sec-WebSocket-Version: 8",
    b"Sec-WebSocket-Key: \xff",
    b"Authorization: \xff \xff",
    b" folded",
    b"X" * 9000 + b": 1",
)
_UPSTREAM_FRAGMENTS = (
    *_FRAGMENTS,
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"301",
    b"099",
    b"600",
    b"999",
    b"0\r\n\r\n",
    b"fffffff\r\n",
    b"b" * 70_000,
)
_UPSTREAM_LINES = (
    b"Sec-WebSocket-Extensions: permessage-deflate",
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9",
    b"Sec-WebSocket-Extensions: permessage-deflate, caf\xe9",
    b"Sec-WebSocket-Protocol: caf\xe9",
    b"Sec-WebSocket-Protocol: a",
    b"Sec-WebSocket-Accept: " + ACCEPT,
    b"Connection: caf\xe9",
    b"Upgrade: websocket, caf\xe9",
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Transfer-Encoding: gzip",
    b"Location: https://elsewhere.test",
    b"x-request-id: caf\xe9",
    b"x-ratelimit-caf: \xff",
    b" folded",
)
_SHORT_REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

refusals = st.sampled_from(
    (
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        _SHORT_REFUSAL,
        b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        b"HTTP/1.0 500 No\r\nContent-Type: text/plain\r\n\r\nno body length",
        b"HTTP/1.1 429 No\r\nRetry-After: caf\xe9\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b",
    )
)
"""Answers with a 4xx or 5xx, with each way to delimit a body (RFC 9112 6.3).

Two of them end with the connection.
"""


def valid_requests(targets: st.SearchStrategy[str], *lines: str) -> st.SearchStrategy[bytes]:
    """The heads of opening handshakes, with up to one further field line (RFC 6455 4.1).

    Args:
        targets: What they ask for; see :func:`~relay.testing.strategies.targets`.
        lines: Field lines to choose from; without any, none is added.
    """
    chosen = st.sampled_from(lines).map(lambda line: [line]) if lines else st.just([])
    return st.builds(lambda target, more: upgrade(target, *more), targets, chosen)


def any_requests(valid: st.SearchStrategy[bytes], *lines: bytes) -> st.SearchStrategy[bytes]:
    """Anything a client may send first: valid, nearly valid, with early data, or no HTTP at all.

    It shrinks to no bytes, by way of what is least changed.

    Args:
        valid: What it begins with; see :func:`valid_requests`.
        lines: Hostile field lines of the server's own, beside those that are hostile to any.
    """
    begun = st.builds(lambda prefix, data: prefix + data, st.sampled_from([b"\r\n", b"\r"]), valid)
    early = st.builds(lambda data, more: data + more, valid, st.binary(max_size=40))
    strange = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    return st.one_of(
        st.binary(max_size=200),
        valid,
        _mutated(valid, _FRAGMENTS),
        _with_lines(valid, (*_LINES, *lines)),
        begun,
        early,
        strange.map(lambda text: head(f"/{text}")),
        strange.map(lambda text: upgrade(f"/{text}")),
    )


def valid_answers(*subprotocols: str) -> st.SearchStrategy[bytes]:
    """A server's 101 with and without a subprotocol, and its refusals (RFC 6455 4.2.2).

    Args:
        subprotocols: What the client has offered.
    """
    chosen = [switch(f"Sec-WebSocket-Protocol: {each}") for each in subprotocols]
    return st.sampled_from([switch(), switch("x-request-id: 1"), *chosen]) | refusals


def any_answers(valid: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Anything a server may answer with, interim answers and early frames included.

    Args:
        valid: What it begins with; see :func:`valid_answers`.
    """
    early = st.builds(lambda data, more: data + more, valid, st.binary(max_size=40))
    interim = st.integers(1, 10).map(lambda count: b"HTTP/1.1 103 Early Hints\r\n\r\n" * count)
    return st.one_of(
        st.binary(max_size=200),
        valid,
        _mutated(valid, _UPSTREAM_FRAGMENTS),
        _with_lines(st.just(switch()), _UPSTREAM_LINES),
        _with_lines(st.just(_SHORT_REFUSAL), _UPSTREAM_LINES),
        st.builds(lambda before, data: before + data, interim, valid),
        early,
    )


def _mutated(
    valid: st.SearchStrategy[bytes], fragments: Sequence[bytes]
) -> st.SearchStrategy[bytes]:
    """Valid bytes with pieces of them replaced by what a hostile peer would try."""
    change = st.tuples(
        st.integers(min_value=0, max_value=600),
        st.integers(min_value=0, max_value=12),
        st.sampled_from(fragments) | st.binary(max_size=3),
    )

    def change_all(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for position, length, fragment in changes:
            begin = position % (len(data) + 1)
            data = data[:begin] + fragment + data[begin + length :]
        return data

    return st.builds(change_all, valid, st.lists(change, max_size=4))


def _with_lines(
    valid: st.SearchStrategy[bytes], lines: Sequence[bytes]
) -> st.SearchStrategy[bytes]:
    """Valid bytes with more field lines at their end."""
    added = st.lists(st.sampled_from(lines), min_size=1, max_size=3).map(b"\r\n".join)
    return st.builds(lambda data, more: data[:-2] + more + b"\r\n\r\n", valid, added)
