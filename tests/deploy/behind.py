"""A relay behind a proxy of deploy/, and clients that come by way of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.processes import running
from tests.certificates import authority, client_context
from tests.deploy.fronts import Front
from tests.deploy.providers import Provider, provider
from tests.deploy.relays import LONGEST, TOKEN, Relay, relay

__all__ = ["CLIENT", "Behind", "behind"]

CLIENT = "127.0.0.2"  # all of 127.0.0.0/8 is this machine; and this address is no proxy's


class Behind:
    """A relay behind a front, and clients of it."""

    def __init__(self, front: Front, relay: Relay, provider: Provider) -> None:
        self.front = front
        self.relay = relay
        self.provider = provider

    def open(
        self,
        target: str = "openai?model=m",
        *protocols: str,
        token: str | None = TOKEN,
        fields: dict[str, str] | None = None,
    ) -> ClientConnection:
        """A client's session."""
        own = {} if token is None else {"Authorization": f"Bearer {token}"}
        return connect(
            f"wss://localhost:{self.front.port}/v1/acct/main/{target}",
            sock=self.connected(),
            ssl=client_context(),
            proxy=None,
            additional_headers={**own, **(fields or {})},
            subprotocols=[Subprotocol(entry) for entry in protocols] or None,
            max_size=None,
            open_timeout=LONGEST,
            close_timeout=LONGEST,
        )

    def refused(
        self,
        target: str = "openai?model=m",
        *,
        token: str | None = TOKEN,
        fields: dict[str, str] | None = None,
    ) -> Response:
        """The answer to a client that gets no session."""
        with (
            pytest.raises(InvalidStatus) as caught,
            self.open(target, token=token, fields=fields),
        ):
            pass
        return caught.value.response

    def ended(self, session: ClientConnection) -> tuple[tuple[int | None, str | None], Any]:
        """The Close that the provider got in a session that ends, and the record."""
        assert session.response is not None
        close = self.provider.closes.get(timeout=LONGEST)
        return close, self.relay.record(session.response.headers["cf-aig-log-id"])

    def connected(self) -> socket.socket:
        """A connection of a client to the front."""
        return socket.create_connection(
            ("127.0.0.1", self.front.port), timeout=LONGEST, source_address=(CLIENT, 0)
        )

    def secured(self, *protocols: str) -> ssl.SSLSocket:
        """Likewise, with TLS."""
        context = ssl.create_default_context()
        authority().configure_trust(context)
        context.set_alpn_protocols(protocols)
        return context.wrap_socket(self.connected(), server_hostname="localhost")


@contextmanager
def behind(front: Front) -> Iterator[Behind]:
    """Run a provider, a relay and the front, until the block is left."""
    with ExitStack() as stack:
        stack.callback(front.close)
        its_provider = stack.enter_context(provider())
        its_relay = stack.enter_context(
            relay(front.folder, front.here(front.relay_server), its_provider)
        )
        stack.enter_context(
            running(
                front.command(its_relay),
                port=front.port,
                folder=front.folder,
                environment=front.environment(),
            )
        )
        yield Behind(front, its_relay, its_provider)
