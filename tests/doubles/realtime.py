"""Opens sessions with the double of OpenAI's Realtime API."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from trio.testing import memory_stream_pair

from tests.doubles.peer import KEY, Json, Pair, Peer, connect

__all__ = ["BETA", "HELLO", "kinds", "session"]

BETA = ("OpenAI-Beta", "realtime=v1")
HELLO: Json = {
    "type": "conversation.item.create",
    "item": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hello there, double"}],
    },
}


def session(
    query: str = "model=gpt-realtime",
    headers: Sequence[tuple[str, str]] = (),
    pair: Pair = memory_stream_pair,
) -> AbstractAsyncContextManager[Peer]:
    """A session whose client brought the right key."""
    headers = [("Authorization", f"Bearer {KEY}"), *headers]
    return connect("openai", f"/v1/realtime?{query}", headers=headers, pair=pair)


def kinds(events: list[Json]) -> list[str]:
    """The types of ``events``, each run of the same one once."""
    found = [str(event["type"]) for event in events]
    return [kind for before, kind in zip(["", *found], found, strict=False) if kind != before]
