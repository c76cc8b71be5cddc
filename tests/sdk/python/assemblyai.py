"""The realtime API of ``assemblyai``: streaming speech to text."""

from __future__ import annotations

import queue
from typing import Any

from assemblyai.streaming.v3 import (
    BeginEvent,
    RealTimeError,
    RealTimeEvents,
    RealTimeParameters,
    RealTimeTranscriber,
    RealTimeTranscriberOptions,
    TerminationEvent,
    TurnEvent,
)

from tests.sdk.python.program import RELAY_TOKEN, RELAY_URL, Facts, pcm, run


def _streaming() -> Facts:
    # -- docs: begin
    client = RealTimeTranscriber(
        RealTimeTranscriberOptions(
            api_host=f"{RELAY_URL}/assemblyai".replace("https:", "wss:"),
            api_key=RELAY_TOKEN,
        )
    )
    # -- docs: end
    events: queue.Queue[Any] = queue.Queue()
    for kind in RealTimeEvents:
        client.on(kind, lambda _client, event: events.put(event))
    client.connect(RealTimeParameters(sample_rate=16000))
    _expect(events, BeginEvent)
    client.stream(pcm(0.9))
    turn = _expect(events, TurnEvent)
    client.disconnect(terminate=True)
    ended = _expect(events, TerminationEvent)
    return {"text": turn.transcript, "seconds of audio": ended.audio_duration_seconds}


def _expect(events: queue.Queue[Any], kind: type) -> Any:
    """The next event of a kind; the SDK reports an error as an event, too."""
    while True:
        event = events.get()
        if isinstance(event, kind):
            return event
        if isinstance(event, RealTimeError):
            raise event


run({"streaming": _streaming})
