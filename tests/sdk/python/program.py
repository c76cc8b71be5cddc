"""What every program has in common: its arguments, its environment and what it prints."""

from __future__ import annotations

import asyncio
import inspect
import json
import math
import os
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["OWN", "PROVIDER_KEY", "RELAY_TOKEN", "RELAY_URL", "Facts", "pcm", "run"]

RELAY_URL = os.environ["RELAY_URL"]
"""The gateway: ``https://HOST/v1/ACCOUNT/GATEWAY``."""

RELAY_TOKEN = os.environ["RELAY_TOKEN"]
PROVIDER_KEY = os.environ["PROVIDER_KEY"]

_API, _MODE = sys.argv[1:]

OWN = _MODE == "own"
"""Whether the program authenticates with ``PROVIDER_KEY``, and with the token beside it."""

Facts = Mapping[str, int | str]
"""What a program got: ``audio`` in bytes, ``text``, the ``last`` event and the like."""


def run(apis: Mapping[str, Callable[[], Facts | Awaitable[Facts]]]) -> None:
    """Use the API that the command line names, and print one JSON object.

    That is what the program got, or, if it is to be refused, what the SDK raised. In any other
    case an exception ends the program with a traceback.
    """
    try:
        facts = apis[_API]()
        if inspect.isawaitable(facts):
            facts = asyncio.run(_awaited(facts))
    except Exception as error:
        if _MODE != "refused":
            raise
        facts = _seen(error)
    print(json.dumps(facts))  # noqa: T201


async def _awaited(facts: Awaitable[Facts]) -> Facts:
    return await facts


def pcm(seconds: float, rate: int = 16000) -> bytes:
    """A tone, as 16-bit PCM: what a microphone would give."""
    samples = (round(8000 * math.sin(0.2 * index)) for index in range(round(seconds * rate)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


def _seen(error: Exception) -> Facts:
    """What an application sees of a refusal."""
    response: Any = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    facts: dict[str, int | str] = {"error": type(error).__name__, "says": str(error)[:100]}
    if isinstance(status, int):
        facts["status"] = status
    return facts
