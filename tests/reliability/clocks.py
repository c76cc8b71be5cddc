"""The wall clock jumps by a day, forwards and backwards, while sessions are open."""

from __future__ import annotations

import time
from pathlib import Path

from tests.reliability.clients import opened, watch
from tests.reliability.providers import serve_provider
from tests.reliability.relays import serve_relay
from tests.reliability.rows import Outcome, Place, Row, Unmeasurable

__all__ = ["ROWS"]

_IDLE = 3.0
_PLACES = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")


def _jumps(place: Place) -> Outcome:
    offset = place.folder / "offset"
    offset.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    limits = f'idle_timeout = "{_IDLE:.0f}s"'
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, limits=limits, environment=environment) as relay,
        opened(relay, "name=busy") as busy,
    ):
        kept = []
        idle_ended: dict[str, float] = {}
        for jump in ("+1d", "-1d"):
            with opened(relay, "name=idle") as idle:
                assert idle.echoes()
                begun = time.monotonic()
                time.sleep(0.5)
                offset.write_text(f"{jump}\n")
                for _ in range(5):
                    kept.append(busy.echoes())
                    time.sleep(0.3)
                (end,) = watch([idle], 10) if busy.echoes() else (idle.end,)
                idle_ended[jump] = (end.closed_at or 0) - begun
                kept.append(busy.echoes())
        log = relay.log.read_text()
    days = {
        line.split('"timestamp": "')[1][:10] for line in log.splitlines() if "timestamp" in line
    }
    outcome = Outcome(
        f"the log saw {len(days)} days; {kept.count(True)} of {len(kept)} messages answered; "
        f"idle_timeout of {_IDLE:.0f} s ended a session after "
        + " and ".join(f"{seconds:.1f} s ({jump})" for jump, seconds in idle_ended.items())
    )
    outcome.promise("the clock did jump", len(days) >= 3)
    outcome.promise("nothing ends", all(kept))
    outcome.promise(
        "deadlines hold", all(_IDLE - 0.5 < each < _IDLE + 1 for each in idle_ended.values())
    )
    return outcome


def _library() -> Path:
    for pattern in _PLACES:
        for found in Path("/").glob(f"{pattern[1:]}/libfaketimeMT.so.1"):
            return found
    raise Unmeasurable("there is no libfaketime: install the package libfaketime")


ROWS = (Row("clock jumps", "by a day, both ways: nothing ends, deadlines hold", "-", _jumps),)
