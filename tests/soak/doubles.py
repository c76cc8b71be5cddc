"""A program: a double for each fault, with TLS and without, until it is terminated.

It prints one line of JSON, ``[[fault, tls, port], ...]``, once all of them listen.
"""

from __future__ import annotations

import json
import signal
import ssl
import sys
from functools import partial

import trio

from relay.doubles import Fault, FaultyStream, parse_fault, serve_double
from tests.soak.plan import FAULTS, FLOOD

__all__ = ["KEY"]

KEY = "sk-of-the-soak"
_FRAME = b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(65536)


class _Flood(Fault):
    """Messages without end."""

    async def strike(self, wire: FaultyStream) -> None:
        while True:
            await wire.write(_FRAME)
            await wire.pause(0.005)  # 13 MB/s: what a reader that stalls can take is soon full


def _fault(line: str) -> Fault | None:
    if line == FLOOD:
        return _Flood()
    return parse_fault(line) if line else None


async def _main(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            ports = []
            for line in FAULTS:
                for tls in (False, True):
                    serve = partial(
                        serve_double,
                        "openai",
                        KEY,
                        fault=_fault(line),
                        ssl_context=context if tls else None,
                    )
                    ports.append([line, tls, await nursery.start(serve)])
            print(json.dumps(ports), flush=True)  # noqa: T201
            await anext(signals)
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(_main, sys.argv[1], sys.argv[2])
