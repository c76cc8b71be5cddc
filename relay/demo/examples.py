"""The four documented examples of Cloudflare AI Gateway's Realtime WebSockets API, as data.

They are as the page has them; only its host, its credentials and its placeholders are filled in,
and they send once the WebSocket is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from relay.protocol import Kind, Secret, Slot

__all__ = ["EXAMPLES", "Example", "JsonObject", "Opening"]

JsonObject = dict[str, object]


class Opening(NamedTuple):
    """What a client asks for, and how it authenticates."""

    resource: str
    """What follows the gateway's URL: the provider and the query."""
    fields: Sequence[tuple[str, str]]
    subprotocols: Sequence[str]


@dataclass(frozen=True, slots=True)
class Example:
    """One example. A message of the provider is told by a name in it, such as its ``type``."""

    provider: str
    query: str
    """Without credentials."""
    key_slot: Slot
    """Where the client puts its credential for the provider."""
    message: JsonObject
    """What the client sends first."""
    output: str
    """Names the messages that bring audio or text."""
    last: str
    """Names the message after which the client closes."""
    fields: tuple[tuple[str, str], ...] = ()
    """Field lines without credentials."""
    browser_message: JsonObject | None = None
    """What is sent first where no field lines can be set; None for the same."""
    cue: str = ""
    """Names the message that the client answers; empty if it sends nothing more."""
    answer: JsonObject | None = None
    """What it then sends."""
    billed: str = ""
    """The member of ``message`` whose characters the provider bills; empty if it reports tokens."""

    @property
    def authentication(self) -> str:
        """Where the page puts the gateway token: a ``header``, or a subprotocol ``entry``."""
        return "header" if self.key_slot.kind is Kind.FIELD else "entry"

    @property
    def resource(self) -> str:
        """What follows the gateway's URL when nothing but the gateway token authenticates."""
        return f"{self.provider}?{self.query}" if self.query else self.provider

    def opening(self, token: str, key: str) -> Opening:
        """The example's opening handshake, its credentials where the page puts them."""
        slot = self.key_slot
        if slot.kind is Kind.FIELD:
            _, value = slot.field(Secret(key.encode()))
            credentials = (("Authorization", value.decode()), ("cf-aig-authorization", token))
            return Opening(self.resource, (*self.fields, *credentials), ())
        entry = f"cf-aig-authorization.{token}"
        if slot.kind is Kind.SUBPROTOCOL:
            return Opening(self.resource, self.fields, (slot.name + key, entry))
        parameters = filter(None, (self.query, slot.parameter(Secret(key.encode())).decode()))
        return Opening(f"{self.provider}?{'&'.join(parameters)}", self.fields, (entry,))


_JOKE = "Tell me a joke"

EXAMPLES = (
    Example(
        provider="openai",
        query="model=gpt-4o-realtime-preview-2024-12-17",
        key_slot=Slot(Kind.FIELD, "authorization", scheme="Bearer"),
        fields=(("OpenAI-Beta", "realtime=v1"),),
        message={
            "type": "response.create",
            "response": {"modalities": ["text"], "instructions": _JOKE},
        },
        # Without the field line OpenAI speaks its newer dialect.
        browser_message={
            "type": "response.create",
            "response": {"output_modalities": ["text"], "instructions": _JOKE},
        },
        output="response.text.delta",
        last="response.done",
    ),
    Example(
        provider="google",
        query="",
        key_slot=Slot(Kind.QUERY, "api_key"),
        message={
            "setup": {
                "model": "models/gemini-2.0-flash-exp",
                "generationConfig": {"responseModalities": ["TEXT"]},
            },
        },
        # The page ends here. A turn is added, so that there is something to hear.
        cue="setupComplete",
        answer={
            "clientContent": {
                "turns": [{"role": "user", "parts": [{"text": _JOKE}]}],
                "turnComplete": True,
            },
        },
        output="modelTurn",
        last="turnComplete",
    ),
    Example(
        provider="cartesia",
        query="cartesia_version=2024-06-10",
        key_slot=Slot(Kind.QUERY, "api_key"),
        message={
            "model_id": "sonic",
            "transcript": "Hello, world! I'm generating audio on ",
            "voice": {"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
            "language": "en",
            "context_id": "happy-monkeys-fly",
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000},
            "add_timestamps": True,
            "continue": True,
        },
        # A context that is to be continued is never done.
        output="chunk",
        last="chunk",
        billed="transcript",
    ),
    Example(
        provider="elevenlabs",
        query="agent_id=demo-agent",
        key_slot=Slot(Kind.SUBPROTOCOL, "xi-api-key."),
        # A message of text to speech, to an agent: so says the page.
        message={
            "text": "This is a sample text ",
            "voice_settings": {"stability": 0.8, "similarity_boost": 0.8},
            "generation_config": {"chunk_length_schedule": [120, 160, 250, 290]},
        },
        output="audio",
        last="audio",
        billed="text",
    ),
)
