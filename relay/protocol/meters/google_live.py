"""Gemini Live, of the Gemini API and of Vertex AI, and Lyria's music.

The provider's JSON comes in binary frames, and ``usageMetadata`` may stand in any message. Whether
a value that is repeated within a turn adds to the ones before is unconfirmed; here the last one of
a turn counts, and turns are summed.
"""

from __future__ import annotations

from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, count, elements, find, name, section, text
from relay.protocol.meters.reads import Binary, Reads
from relay.protocol.usage import Turn, Usage

__all__ = ["GoogleLive", "GoogleMusic"]

_SETUP = Reads(binary=Binary.JSON, most=1)
_JSON = Reads(binary=Binary.JSON)
_KINDS = {"AUDIO": "audio", "IMAGE": "image", "VIDEO": "image", "DOCUMENT": "text"}


class GoogleLive(Meter):
    """Tokens by modality, of each turn."""

    client = _SETUP
    provider = _JSON
    ends_turns = True
    states_turns = True
    _pending: Usage | None = None  # of the turn under way, or of the coming one
    _unpaid: Turn | None = None  # the last turn, if it has ended without usage

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the setup."""
        model = name(message, "setup", "model")
        self.tally.name(model.rpartition("/")[2] if model else None)

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a server message."""
        content = section(message, "serverContent")
        parts = elements(content, "modelTurn", "parts")
        spoken = find(content, "outputTranscription") is not None
        if parts or spoken or find(message, "toolCall") is not None:
            self._unpaid = None
            self.tally.begin()
        if any(text(part, "inlineData", "mimeType").startswith("audio/") for part in parts):
            self.tally.audio()
        stated = section(message, "usageMetadata")
        if stated:
            self._take(_usage(stated))
        interrupted = find(content, "interrupted") is True
        if interrupted or find(content, "turnComplete") is True:
            self._end(interrupted=interrupted)

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count what was stated of a turn that has not ended."""
        if self._pending is not None:
            self.tally.add(self._pending)

    def _take(self, usage: Usage) -> None:
        turn, self._unpaid = self._unpaid, None
        if turn is None:
            self._pending = usage
        else:
            turn.usage = usage
            self.tally.add(usage)

    def _end(self, *, interrupted: bool) -> None:
        if not self.tally.is_open and self._pending is None:
            return  # what was interrupted may be said to be complete, too
        usage, self._pending = self._pending, None
        turn = self.tally.end(interrupted=interrupted, usage=usage)
        if usage is None:
            self._unpaid = turn


class GoogleMusic(Meter):
    """When music began; nothing says what it costs."""

    client = _SETUP
    provider = _JSON
    counts = False

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the setup."""
        model = name(message, "setup", "model")
        self.tally.name(model.rpartition("/")[2] if model else None)

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a server message."""
        if elements(message, "serverContent", "audioChunks"):
            self.tally.audio()


def _usage(stated: JsonObject) -> Usage:
    """``usageMetadata``: Live says ``response``, the REST API ``candidates``.

    What the details do not tell of a total is text. Cached tokens are a part of the prompt; those
    of results of tools are not.
    """
    prompt = _modalities(stated, "promptTokenCount", "promptTokensDetails")
    tools = _modalities(stated, "toolUsePromptTokenCount", "toolUsePromptTokensDetails")
    cached = _modalities(stated, "cachedContentTokenCount", "cacheTokensDetails")
    said = "response" if find(stated, "responseTokenCount") is not None else "candidates"
    response = _modalities(stated, f"{said}TokenCount", f"{said}TokensDetails")
    cached = {kind: min(number, prompt[kind]) for kind, number in cached.items()}
    read = {kind: prompt[kind] - cached[kind] + tools[kind] for kind in prompt}
    return Usage(
        input_text_tokens=read["text"],
        input_audio_tokens=read["audio"],
        input_image_tokens=read["image"],
        cached_text_tokens=cached["text"],
        cached_audio_tokens=cached["audio"],
        cached_image_tokens=cached["image"],
        output_text_tokens=response["text"],
        output_audio_tokens=response["audio"],
        output_image_tokens=response["image"],
        thoughts_tokens=count(stated, "thoughtsTokenCount"),
    )


def _modalities(stated: JsonObject, total: str, details: str) -> dict[str, int]:
    found = {"text": 0, "audio": 0, "image": 0}
    for each in elements(stated, details):
        found[_KINDS.get(text(each, "modality"), "text")] += count(each, "tokenCount")
    found["text"] += max(0, count(stated, total) - sum(found.values()))
    return found
