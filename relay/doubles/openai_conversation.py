"""The conversation of an OpenAI realtime session: its items, their tokens, and how events go out.

Others than OpenAI speak this protocol too, each in its dialect. GA and beta differ in the names of
some events; here, and in what builds on this, all names are those of GA.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from relay.doubles.messages import JsonObject, elements, send, text
from relay.doubles.server import Connection

__all__ = ["GA", "SAMPLE_RATE", "Conversation", "Dialect", "Tokens"]

SAMPLE_RATE = 24000
"""Of the audio both ways, in Hz."""

# GA name of a server event -> its beta name.
_BETA_NAMES = {
    "conversation.item.added": "conversation.item.created",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
_GA_ONLY = frozenset({"conversation.item.done"})


@dataclass(frozen=True)
class Dialect:
    """Whose protocol it is, and in what it differs from OpenAI's."""

    provider: str = "OpenAI"
    beta: bool = False
    """Whether events and session have the names and shapes of beta."""
    omitted: frozenset[str] = frozenset()
    """The GA names of events that are not sent."""


GA = Dialect()


@dataclass(frozen=True)
class Tokens:
    """A number of tokens by modality. The rates are near OpenAI's; that they add up is exact."""

    text: int = 0
    audio: int = 0

    @property
    def total(self) -> int:
        """The tokens of all modalities."""
        return self.text + self.audio

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio)

    @classmethod
    def of_text(cls, words: str) -> Tokens:
        """A token for every four characters."""
        return cls(text=(len(words) + 3) // 4)

    @classmethod
    def of_input_audio(cls, seconds: float) -> Tokens:
        """Ten tokens for every second."""
        return cls(audio=round(seconds * 10))

    @classmethod
    def of_output_audio(cls, seconds: float) -> Tokens:
        """Twenty tokens for every second."""
        return cls(audio=round(seconds * 20))


class Conversation:
    """What happens on one connection after its 101, apart from the reading of client events."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.dialect = dialect
        self.id = "conv_1"
        self._connection = connection
        self._items: dict[str, JsonObject] = {}
        self._tokens: dict[str, Tokens] = {}
        self._cached = Tokens()
        self._numbers = itertools.count(1)

    async def send(self, name: str, **members: object) -> None:
        """Send one server event; one that the dialect does not have is left out."""
        beta = self.dialect.beta
        if name in self.dialect.omitted or (beta and name in _GA_ONLY):
            return
        name = _BETA_NAMES.get(name, name) if beta else name
        await send(self._connection, {"type": name, "event_id": self.new_id("event"), **members})

    async def send_error(
        self, event: JsonObject | None, code: str, message: str, param: str | None = None
    ) -> None:
        """Send an ``error`` event about the client's ``event``."""
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": text(event, "event_id") or None,
        }
        await self.send("error", error=error)

    def new_id(self, kind: str) -> str:
        """An id that is unique in this session, such as ``item_7``."""
        return f"{kind}_{next(self._numbers)}"

    @property
    def last_item_id(self) -> str | None:
        """The id of the last item, or None."""
        return next(reversed(self._items), None)

    def find_item(self, item_id: str) -> JsonObject | None:
        """The item of that id, or None."""
        return self._items.get(item_id)

    async def add_item(self, item: JsonObject, tokens: Tokens) -> None:
        """Put ``item`` at the end and announce it."""
        previous = self.last_item_id
        item_id = text(item, "id")
        self._items[item_id] = item
        self._tokens[item_id] = tokens
        await self.send("conversation.item.added", previous_item_id=previous, item=item)

    async def end_item(self, item: JsonObject, tokens: Tokens) -> None:
        """Announce that ``item`` is complete, and counts ``tokens`` from now on."""
        item_id = text(item, "id")
        if item_id in self._items:  # else the client has deleted it meanwhile
            self._items[item_id] = item
            self._tokens[item_id] = tokens
        await self.send("conversation.item.done", item=item)

    def delete_item(self, item_id: str) -> None:
        """Forget an item; nothing read before it counts as cached any more."""
        del self._items[item_id], self._tokens[item_id]
        self._cached = Tokens()

    def take_input(self) -> tuple[Tokens, Tokens]:
        """What a response has to read now, and how much of it the last one has read before."""
        whole = sum(self._tokens.values(), Tokens())
        cached, self._cached = self._cached, whole
        return whole, cached

    def heard(self) -> str:
        """The last text of the user's, or a word about the last audio; empty before both."""
        for item in reversed(self._items.values()):
            if text(item, "role") == "user":
                parts = [text(part, "text") for part in elements(item, "content")]
                return " ".join(filter(None, parts)) or "some audio"
        return ""
