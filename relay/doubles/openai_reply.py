"""One response of an OpenAI realtime session, from ``response.created`` to ``response.done``."""

from __future__ import annotations

from itertools import zip_longest

from relay.doubles.audio import pieces, seconds_of, to_base64, tone
from relay.doubles.messages import JsonObject, elements, reply, section, text
from relay.doubles.openai_conversation import SAMPLE_RATE, Conversation, Tokens

__all__ = ["Reply"]


class Reply:
    """An answer in audio with its transcript or, where the modalities are text alone, in text."""

    def __init__(
        self, conversation: Conversation, options: JsonObject, modalities: list[object]
    ) -> None:
        """``options`` is the client's ``response``; ``modalities`` holds if it names none."""
        self.under_way = True
        self._conversation = conversation
        self._options = options
        self._cancelled = False
        self._spoken = ""
        self._audio_size = 0
        member = "modalities" if conversation.dialect.beta else "output_modalities"
        self._modalities = {member: elements(options, member) or modalities}
        self._is_audio = "audio" in self._modalities[member]
        self._id = conversation.new_id("resp")
        self._item_id = conversation.new_id("item")
        self._where = {
            "response_id": self._id,
            "item_id": self._item_id,
            "output_index": 0,
            "content_index": 0,
        }

    def cancel(self) -> None:
        """Say nothing more; the events that end a response still come."""
        self._cancelled = True

    async def play(self) -> None:
        """Send all events of this response."""
        send = self._conversation.send
        await send("response.created", response=self._response("in_progress"))
        item = self._item("in_progress")
        outer = {"response_id": self._id, "output_index": 0}
        await send("response.output_item.added", **outer, item=item)
        read, cached = self._conversation.take_input()
        read += Tokens.of_text(text(self._options, "instructions"))
        await self._conversation.add_item(item, Tokens())
        await send("response.content_part.added", **self._where, part=self._part())
        await self._speak()
        if self._is_audio:
            await send("response.output_audio.done", **self._where)
            done = "response.output_audio_transcript.done"
            await send(done, **self._where, transcript=self._spoken)
        else:
            await send("response.output_text.done", **self._where, text=self._spoken)
        await send("response.content_part.done", **self._where, part=self._part())
        item = self._item("incomplete" if self._cancelled else "completed")
        written = Tokens.of_text(self._spoken)
        written += Tokens.of_output_audio(seconds_of(self._audio_size, SAMPLE_RATE))
        await self._conversation.end_item(item, written)
        await send("response.output_item.done", **outer, item=item)
        status = "cancelled" if self._cancelled else "completed"
        usage = _usage(read, cached, written)
        self.under_way = False
        await send("response.done", response=self._response(status, [item], usage))
        await send("rate_limits.updated", rate_limits=_rate_limits(read.total + written.total))

    async def _speak(self) -> None:
        heard = self._conversation.heard() or text(self._options, "instructions")
        words = reply(self._conversation.dialect.provider, heard)
        chunks = pieces(tone(SAMPLE_RATE), SAMPLE_RATE) if self._is_audio else []
        for word, chunk in zip_longest(words, chunks):
            if self._cancelled:
                return
            if word is not None:
                self._spoken += word
                name = "output_audio_transcript" if self._is_audio else "output_text"
                await self._conversation.send(f"response.{name}.delta", **self._where, delta=word)
            if chunk is not None:
                self._audio_size += len(chunk)
                delta = {**self._where, "delta": to_base64(chunk)}
                await self._conversation.send("response.output_audio.delta", **delta)

    def _response(
        self, status: str, output: list[JsonObject] | None = None, usage: JsonObject | None = None
    ) -> JsonObject:
        details = None
        if status == "cancelled":
            details = {"type": "cancelled", "reason": "client_cancelled"}
        return {
            "object": "realtime.response",
            "id": self._id,
            "conversation_id": self._conversation.id,
            "status": status,
            "status_details": details,
            "output": output or [],
            "usage": usage,
            "metadata": section(self._options, "metadata") or None,
            **self._modalities,
        }

    def _item(self, status: str) -> JsonObject:
        content: list[JsonObject] = []
        if status != "in_progress":
            kind = self._part()["type"]
            kind = kind if self._conversation.dialect.beta else f"output_{kind}"
            content = [{**self._part(), "type": kind}]
        return {
            "id": self._item_id,
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _part(self) -> JsonObject:
        if self._is_audio:
            return {"type": "audio", "transcript": self._spoken}
        return {"type": "text", "text": self._spoken}


def _usage(read: Tokens, cached: Tokens, written: Tokens) -> JsonObject:
    return {
        "total_tokens": read.total + written.total,
        "input_tokens": read.total,
        "output_tokens": written.total,
        "input_token_details": {
            "text_tokens": read.text,
            "audio_tokens": read.audio,
            "image_tokens": 0,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": written.text, "audio_tokens": written.audio},
    }


def _rate_limits(spent: int) -> list[JsonObject]:
    limit = 100_000
    remaining = max(0, limit - spent)
    return [{"name": "tokens", "limit": limit, "remaining": remaining, "reset_seconds": 0.1}]
