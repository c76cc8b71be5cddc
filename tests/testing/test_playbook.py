from __future__ import annotations

from collections.abc import Iterator

import pytest

from relay.testing.frames import Frame
from relay.testing.playbook import Playbook, binary, client, close, origin, ping, pong, text
from relay.testing.stand import Stand
from tests.testing.tunnel import Tunnel


@pytest.fixture(scope="module")
def tunnel() -> Iterator[Stand]:
    with Stand.of(Tunnel().subject(), patience=1) as stand:
        yield stand


def opened(stand: Stand) -> Playbook:
    return (
        Playbook(stand)
        >> client.asks(subprotocols=["a", "b"])
        << origin.is_asked(subprotocols=["a", "b"])
        >> origin.accepts(subprotocol="b")
        << client.is_answered(101, subprotocol="b")
    )


def closed(book: Playbook) -> Playbook:
    return (
        book
        >> client.closes(1000)
        << origin.gets(close(1000))
        >> origin.closes(1000)
        << client.gets(close(1000))
    )


def test_a_session_is_one_expression(tunnel: Stand) -> None:
    assert closed(
        opened(tunnel)
        >> client.sends(text("hello"), ping(b"p"), sizes=[1])
        << origin.gets(text("hello"), ping(b"p"))
        >> origin.sends(pong(b"p"), binary(b"\0"))
        << client.gets(pong(b"p"), binary(b"\0"))
    )


def test_a_side_sends_any_bytes_at_all(tunnel: Stand) -> None:
    key_of_its_own = b"\1\2\3\4"
    assert (
        opened(tunnel)
        >> client.sends_bytes(text("hello").encode(key_of_its_own)[:-1])
        >> client.sends_bytes(text("hello").encode(key_of_its_own)[-1:])
        << origin.gets(text("hello"))
        >> origin.sends_bytes(b"\x83\0")
        << client.gets(Frame(3))
        >> client.vanishes()
        << origin.is_told(1006)
    )


def test_a_refusal_is_a_session_too(tunnel: Stand) -> None:
    assert (
        Playbook(tunnel)
        >> client.asks()
        << origin.is_asked()
        >> origin.refuses(429, b"slow down", "Retry-After: 1")
        << client.is_answered(429, body=b"slow down")
    )


def test_a_beginning_can_be_used_again(tunnel: Stand) -> None:
    book = opened(tunnel)
    assert book >> client.vanishes() << origin.is_told(1006)
    assert book >> origin.vanishes() << client.is_told()


def failure(book: Playbook) -> str:
    with pytest.raises(AssertionError) as caught:
        assert book
    return str(caught.value)


def test_it_fails_at_the_first_step_that_does_not_come_true(tunnel: Stand) -> None:
    book = opened(tunnel) >> client.sends(text("hello")) << origin.gets(text("other"))
    words = failure(closed(book))
    assert words.startswith("the origin got [text('hello')], not [text('other')]\n")
    lines = words.splitlines()
    assert "  >> client.sends(text('hello'))" in lines
    assert "E << origin.gets(text('other'))" in lines
    assert "  >> client.closes(1000)" in lines


def test_it_fails_if_nothing_comes(tunnel: Stand) -> None:
    words = failure(closed(opened(tunnel) << origin.gets(text("hello"))))
    assert words.startswith("1 s have passed, and the origin has not got [text('hello')]")


def test_it_fails_if_the_connection_ends_instead(tunnel: Stand) -> None:
    words = failure(opened(tunnel) >> client.vanishes() << origin.gets(text("hello")))
    assert words.startswith("the connection of the origin has ended; it got []")


def test_it_fails_if_nobody_ends_the_session(tunnel: Stand) -> None:
    assert failure(opened(tunnel)).startswith("not finished: nobody has closed")


def test_it_fails_if_something_came_of_which_no_step_speaks(tunnel: Stand) -> None:
    words = failure(opened(tunnel) >> client.sends(text("more")) >> client.closes(1000))
    assert words.startswith("not finished: the origin has b'")


def test_it_fails_at_another_answer(tunnel: Stand) -> None:
    asked = Playbook(tunnel) >> client.asks() << origin.is_asked()
    words = failure(asked >> origin.refuses(401) << client.is_answered(101))
    assert words.startswith("it was answered 401 b''\n")


def test_it_fails_at_another_code(tunnel: Stand) -> None:
    words = failure(opened(tunnel) >> client.closes(3000) << origin.is_told(1000))
    assert words.startswith("it was told 3000\n")


def test_its_transcript_reads_as_it_was_written(tunnel: Stand) -> None:
    book = (
        Playbook(tunnel)
        >> client.asks("X: 1", subprotocols=["a"], target="/x")
        << origin.is_asked()
        >> origin.accepts(then=[text("early")])
        << client.is_answered()
        >> client.sends(ping(b"p"), close(), sizes=[1])
        >> origin.sends_bytes(b"\x83\0")
        << origin.gets(close(1000, "done"), binary(b"\0" * 50))
        >> origin.vanishes()
        << client.is_told(1001, None)
    )
    assert book.transcript().splitlines() == [
        ">> client.asks('X: 1', subprotocols=['a'], target='/x')",
        "<< origin.is_asked()",
        ">> origin.accepts(then=[text('early')])",
        "<< client.is_answered(101)",
        ">> client.sends(ping(b'p'), close(), sizes=[1])",
        r">> origin.sends_bytes(b'\x83\x00')",
        "<< origin.gets(close(1000, 'done'), binary(b'\\x00' * 50))",
        ">> origin.vanishes()",
        "<< client.is_told(1001, None)",
    ]
    assert closed(opened(tunnel))  # one that is not played warns
    with pytest.raises(AssertionError):
        book.play()


def test_an_act_and_an_expectation_are_not_confused(tunnel: Stand) -> None:
    book = opened(tunnel)
    with pytest.raises(TypeError, match=r"origin\.gets\(\) is no act: write <<"):
        book >> origin.gets()  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"origin\.sends\(\) is an act: write >>"):
        book << origin.sends()  # type: ignore[operator]
    assert book >> client.vanishes() << origin.is_told()


def test_one_that_nobody_asserts_warns(tunnel: Stand) -> None:
    with pytest.warns(ResourceWarning, match=r"never played:\n>> client\.asks\(\)"):
        Playbook(tunnel) >> client.asks()
