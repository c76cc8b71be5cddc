"""A core for the load generator and another for the peer, so that no run depends on where the
kernel happens to put them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def load_core() -> int:
    """The core of the load generator, which is also the echo."""
    return min(os.sched_getaffinity(0))


def peer_core() -> int:
    """The core of a peer: another one, unless this process may use only one.

    The first and the last, because neighbours may be two threads of one physical core.
    """
    return max(os.sched_getaffinity(0))


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started in the block, and all that it starts itself, runs on this core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # of this thread; what it starts inherits it
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
