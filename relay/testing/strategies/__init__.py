"""Hypothesis strategies for WebSocket traffic, as bytes and as frames.

Nothing here knows a runtime, a library or the relay's own code, except for
:func:`~relay.testing.strategies.targets.relay_targets`. What is drawn is a plain value, so that a
failing example can be pasted into a test.
"""

from relay.testing.strategies.chunkings import chunkings
from relay.testing.strategies.frames import (
    close_frames,
    close_payloads,
    compress,
    control_frames,
    fragmented_messages,
    masking_keys,
    whole_messages,
)
from relay.testing.strategies.handshakes import (
    any_answers,
    any_requests,
    refusals,
    valid_answers,
    valid_requests,
)
from relay.testing.strategies.sessions import End, Opening, Session, Turn, sessions
from relay.testing.strategies.streams import (
    SMALL_LIMITS,
    Stream,
    any_bytes,
    mutated_streams,
    valid_streams,
)
from relay.testing.strategies.subprotocols import (
    broken_offers,
    offers,
    offers_and_choices,
    subprotocol_names,
    written_offers,
)
from relay.testing.strategies.targets import broken_targets, relay_targets, targets

__all__ = [
    "SMALL_LIMITS",
    "End",
    "Opening",
    "Session",
    "Stream",
    "Turn",
    "any_answers",
    "any_bytes",
    "any_requests",
    "broken_offers",
    "broken_targets",
    "chunkings",
    "close_frames",
    "close_payloads",
    "compress",
    "control_frames",
    "fragmented_messages",
    "masking_keys",
    "mutated_streams",
    "offers",
    "offers_and_choices",
    "refusals",
    "relay_targets",
    "sessions",
    "subprotocol_names",
    "targets",
    "valid_answers",
    "valid_requests",
    "valid_streams",
    "whole_messages",
    "written_offers",
]
