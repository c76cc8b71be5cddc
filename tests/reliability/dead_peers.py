"""Peers that are gone without a word: nothing comes from them, and nothing reaches them.

It runs in a network namespace of its own, in which a rule drops their packets.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import which

from tests.reliability.clients import Client, opened, watch
from tests.reliability.providers import Provider, serve_provider
from tests.reliability.relays import ROOT, Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row, Unmeasurable

__all__ = ["ROWS"]

_WRITE_TIMEOUT = 1
# Probes begin after 30 s of silence and come every 10 s; the one at 40 s finds the user timeout of
# write_timeout + 30 s exceeded.
_BOUND = 30 + 10 + 5.0
_RULES = """\
table inet dead {{
    chain out {{
        type filter hook output priority 0
        tcp sport {{ {ports} }} drop
        tcp dport {{ {ports} }} drop
    }}
}}
"""


def _dead_peers(place: Place) -> Outcome:  # noqa: ARG001 - it makes a folder of its own
    unshare = which("unshare")
    if unshare is None or which("nft") is None or which("ip") is None:
        raise Unmeasurable("it needs unshare, ip and nft: install util-linux, iproute2, nftables")
    if subprocess.run([unshare, "--net", "true"], capture_output=True, check=False).returncode:
        raise Unmeasurable("network namespaces are not allowed here")
    done = subprocess.run(
        [unshare, "--net", sys.executable, "-m", __name__],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, "the measurement in the namespace failed"
    found = json.loads(done.stdout)
    outcome = Outcome(
        f"client gone: provider told {found['provider_close']} after {found['client_gone']:.0f} s; "
        f"provider gone: client told {found['client_close']} after {found['provider_gone']:.0f} s, "
        f"{found['unacknowledged']:.0f} s with a message under way; "
        f"{found['descriptors']} descriptors more"
    )
    outcome.promise("1001 to the provider", found["provider_close"] == 1001)
    outcome.promise("1011 to the client", found["client_close"] == 1011)
    for what in ("client_gone", "provider_gone", "unacknowledged"):
        outcome.promise(f"within {_BOUND:.0f} s", 0 < found[what] < _BOUND)
    outcome.promise("no more descriptors than before", found["descriptors"] <= 0)
    return outcome


def _inside(folder: Path) -> dict[str, float | None]:
    """What is found in the namespace."""
    _run("ip", "link", "set", "lo", "up")
    with (
        serve_provider() as living,
        serve_provider() as dying,
        serve_relay(
            folder,
            living.port,
            echo=dying.port,
            limits=f'write_timeout = "{_WRITE_TIMEOUT}s"\nclose_timeout = "1s"',
        ) as relay,
    ):
        before = relay.descriptors()
        return _watched(relay, living, dying) | {"descriptors": _left(relay, before)}


def _watched(relay: Relay, living: Provider, dying: Provider) -> dict[str, float | None]:
    with (
        opened(relay, "name=dead&hush=") as dead,
        opened(relay, "hush=", provider="echo") as idle,
        opened(relay, "hush=", provider="echo") as busy,
    ):
        begun = time.monotonic()
        _drop(dead, dying)
        busy.send()
        idle_end, busy_end = watch([idle, busy], _BOUND)
        living.wait(lambda reports: reports[-1].closed_at is not None, _BOUND)
        told = living.report("dead")
    return {
        "provider_close": told.close,
        "client_gone": (told.closed_at or begun) - begun,
        "client_close": idle_end.close,
        "provider_gone": (idle_end.closed_at or begun) - begun,
        "unacknowledged": (busy_end.closed_at or begun) - begun,
    }


def _drop(client: Client, provider: Provider) -> None:
    """Let no packet of theirs pass."""
    ports = f"{client.socket.getsockname()[1]}, {provider.port}"
    _run("nft", _RULES.format(ports=ports))


def _left(relay: Relay, before: int) -> int:
    """How many descriptors more there are than before, at most five seconds later."""
    deadline = time.monotonic() + 5
    while (left := relay.descriptors() - before) > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


ROWS = (
    Row(
        "dead peers",
        "both legs are freed within 45 s, by keepalive and user timeout",
        "Envoy 1 h, nginx 60 s of silence; websockets 40 s",
        _dead_peers,
        quick=False,
    ),
)

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="relay-reliability-") as name:
        print(json.dumps(_inside(Path(name))))  # noqa: T201
