"""The relay on threads of examples/embedding, when there are no descriptors or no threads left."""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from relay import protocol
from relay.testing.stand import Stand
from relay.testing.subject import Address, Front
from tests.e2e.drivers import example
from tests.played_session import CREDENTIAL, TARGET, settings

LINK: Any = example("threads_link")
RELAY: Any = example("threads_relay")


class _Listener(socket.socket):
    """One that fails before it accepts clients."""

    def __init__(self, *errors: int) -> None:
        super().__init__()
        self.bind(("127.0.0.1", 0))
        self.listen()
        self.errors = list(errors)

    def accept(self) -> tuple[socket.socket, Any]:
        if self.errors:
            raise OSError(error := self.errors.pop(0), os.strerror(error))
        return super().accept()


class _Sessions:
    """Begins one with each client; the listener is closed after the last."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.closing = LINK.Signal()
        self.clients: list[Any] = []

    def begin(self, client: Any) -> None:
        self.clients.append(client)
        if not self.errors:
            self.closing.set()
        else:
            raise self.errors.pop(0)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The events that were waited for; pauses, which are for none, take no time."""
    real, waited = LINK.wait, []

    def wait(sock: socket.socket, events: int, until: float, signal: Any) -> None:
        waited.append(events)
        assert (until == math.inf) is bool(events)
        real(sock, events, until if events else 0, signal)

    monkeypatch.setattr(LINK, "wait", wait)
    return waited


@pytest.mark.parametrize(
    ("error", "pauses"), [(errno.ECONNABORTED, []), (errno.EMFILE, [0]), (errno.ENETDOWN, [0])]
)
def test_it_accepts_after_an_error(
    error: int, pauses: list[int], waits: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    sessions = _Sessions()
    with _Listener(error) as listener, socket.create_connection(listener.getsockname()):
        LINK.accept(listener, sessions.begin, sessions.closing)
    (client,) = sessions.clients
    client.sock.close()
    assert waits == [select.POLLIN, *pauses, select.POLLIN, select.POLLIN]
    said = [f"cannot accept clients: [Errno {error}] {os.strerror(error)}"] if pauses else []
    assert caplog.messages == said


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), OSError()])
def test_a_client_whose_session_cannot_begin_is_gone(error: Exception, waits: list[int]) -> None:
    sessions = _Sessions(error)
    with (
        _Listener() as listener,
        socket.create_connection(listener.getsockname(), timeout=10) as first,
        socket.create_connection(listener.getsockname()),
    ):
        LINK.accept(listener, sessions.begin, sessions.closing)
        assert first.recv(1) == b""
    _, second = sessions.clients
    second.sock.close()
    assert waits == [select.POLLIN, 0, select.POLLIN, select.POLLIN]


def test_it_does_not_wait_for_the_end_of_a_pause_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LINK, "PAUSE", math.inf)
    closing = LINK.Signal()

    def begin(_: Any) -> None:
        closing.set()
        raise OSError

    with _Listener() as listener, socket.create_connection(listener.getsockname()):
        LINK.accept(listener, begin, closing)
        assert listener.fileno() == -1


def test_a_signal_that_cannot_be_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "no descriptors")

    monkeypatch.setattr(os, "pipe", pipe)
    with pytest.raises(OSError, match="no descriptors"):
        LINK.Signal()


@contextmanager
def _relay(origin: Address) -> Iterator[Front]:
    its = settings()
    relay = RELAY.Relay(
        example("settings").Settings(
            its.gateways,
            {"openai": protocol.by_name()["openai"].at(f"ws://{origin.host}:{origin.port}")},
            {"openai": None},
            timeouts=protocol.Timeouts(close=0.05),
        )
    )
    try:
        yield Front(Address("127.0.0.1", relay.listen("127.0.0.1", 0)), TARGET, (CREDENTIAL,))
    finally:
        relay.close()


@pytest.mark.parametrize("there_are_no", ["descriptors", "threads"])
def test_a_session_is_carried_in_both_directions_or_not_at_all(
    there_are_no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client is not left waiting, and nobody waits for it."""
    made: list[Any] = []
    waits, real = threading.Event(), LINK.wait

    def wait(*arguments: Any) -> None:
        if made and threading.current_thread() is made[0].thread:
            waits.set()
        real(*arguments)

    class Direction(RELAY.Direction):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            if made and there_are_no == "descriptors":
                raise OSError(errno.EMFILE, "no descriptors")
            super().__init__(*arguments, **named)
            if made:
                self.thread.start = self._start
            made.append(self)

        def _start(self) -> None:
            assert waits.wait(10)
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(RELAY, "Direction", Direction)
    monkeypatch.setattr(LINK, "wait", wait)
    with Stand.of(_relay) as stand, stand.session() as session:
        session.ask()
        session.is_asked()
        session.accept()
        session.until(lambda: session.client.ended, lambda: "the client waits")
        assert session.client.received == b""
        began = [each.thread for each in made if each.thread.ident is not None]
        assert len(began) == (1 if there_are_no == "threads" else 0)
        for thread in began:
            thread.join(10)
            assert not thread.is_alive()
