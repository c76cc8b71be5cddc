"""Who looks at a relay, as its admin listener sees them: HTTP clients that ask what the admin page
and `relay top` ask, as often.

What is asked is written down here, so that neither a browser nor a terminal has to run, each of
which would take more of the machine than what is measured. Both ask again some time after an
answer; here it is after the last request, so that they ask a little more often than they do.
"""

import heapq
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from json import dumps, loads

from bench.cores import load_core, on_core
from bench.processes import BenchError

__all__ = ["PAGE", "TOP", "Ask", "Look", "Viewer", "Viewers"]


@dataclass(frozen=True, slots=True, order=True)
class Ask:
    """What is asked, and how often: seconds from one request to the next."""

    path: str
    every: float


@dataclass(frozen=True, slots=True)
class Viewer:
    """What one of them asks, over one connection that stays open.

    `cookie` says that it is a page on which somebody has logged in; others send the token.
    """

    name: str
    asks: tuple[Ask, ...]
    cookie: bool


PAGE = Viewer(
    "page",
    (
        # relay/admin/page/live.js, the view that a page begins with: EVERY and MOST. Others ask
        # for less: the last hour and the sessions that have ended every ten and five seconds.
        Ask("/api/sessions/live?sort=began_at&descending=true&limit=100", 2.0),
        Ask("/api/status", 10.0),  # relay/admin/page/app.js, whichever the view
    ),
    cookie=True,
)
TOP = Viewer(
    "relay top",
    (
        # relay/top/look.py asks both at each look, --interval is 2; relay/top/live.py: Query
        Ask("/api/sessions/live?q=&sort=duration&descending=false&limit=200", 2.0),
        Ask("/readyz", 2.0),
    ),
    cookie=False,
)


class Look:
    """The connection of one viewer.

    Raises BenchError, here and in :meth:`ask`, if the listener does not answer with what was asked
    for.
    """

    def __init__(self, viewer: Viewer, port: int, token: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self._fields = {"Authorization": f"Bearer {token}"}
        if viewer.cookie:
            fields = {"Content-Type": "application/json"}
            answer = self._request("POST", "/api/login", fields, dumps({"token": token}))
            self._fields = {"Cookie": self._cookie, "X-Relay": loads(answer)["x_relay"]}

    def ask(self, path: str) -> bytes:
        """Ask, and read the whole answer."""
        return self._request("GET", path, self._fields)

    def close(self) -> None:
        """Look no more."""
        self._connection.close()

    def _request(
        self, method: str, path: str, fields: Mapping[str, str], body: str | None = None
    ) -> bytes:
        try:
            self._connection.request(method, path, body, dict(fields))
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise BenchError(f"the admin listener does not answer {path}: {error}") from None
        if answer.status >= 300:
            self.close()
            raise BenchError(f"the admin listener answers {answer.status} to {path}")
        self._cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
        return content


class Viewers:
    """So many who look at one relay, evenly spread over their interval.

    They look during the blocks of :meth:`looking`; their intervals go on from one to the next.
    """

    def __init__(self, viewer: Viewer, count: int, port: int, token: str) -> None:
        self._viewer = viewer
        self._count = count
        self._port = port
        self._token = token
        self._looked = 0.0  # seconds, in all blocks together
        self._due = [
            (ask.every * number / count, number, ask)
            for number in range(count)
            for ask in viewer.asks
        ]
        heapq.heapify(self._due)
        self.asked = 0
        """How many requests were answered."""

    @contextmanager
    def looking(self) -> Iterator[None]:
        """They have logged in when the block begins, and have gone when it has ended."""
        looks = [Look(self._viewer, self._port, self._token) for _ in range(self._count)]
        stop, errors = threading.Event(), list[BenchError]()
        thread = threading.Thread(target=self._look, args=(looks, stop, errors))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            for look in looks:
                look.close()
        if errors:
            raise errors[0]

    def _look(self, looks: list[Look], stop: threading.Event, errors: list[BenchError]) -> None:
        began = time.monotonic() - self._looked
        with on_core(load_core()):  # the other one is the relay's
            while not stop.wait(max(0.0, self._due[0][0] - (time.monotonic() - began))):
                due, number, ask = self._due[0]
                try:
                    looks[number].ask(ask.path)
                except BenchError as error:
                    errors.append(error)
                    return
                self.asked += 1
                heapq.heapreplace(self._due, (due + ask.every, number, ask))
        self._looked = time.monotonic() - began
