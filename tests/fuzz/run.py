"""One target under atheris, in a process of its own: `python -m tests.fuzz.run NAME OPTION...`.

The options are libFuzzer's. Needs atheris on the path, which `tests.fuzz.engine` sees to.
"""

from __future__ import annotations

import atexit
import signal
import sys

import atheris

with atheris.instrument_imports(include=["relay.protocol", "h11", "wsproto"]):
    from tests.fuzz.targets import TARGETS

_CHECKS = {target.name: target.check for target in TARGETS}

if __name__ == "__main__":
    program, name, *options = sys.argv
    # libFuzzer's clock goes on while Python ends, which takes its handler away: then the alarm
    # would end the process before the input is written that broke a law.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
    atheris.Setup([program, *options], _CHECKS[name])
    atheris.Fuzz()
