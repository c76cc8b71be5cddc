"""Who holds sessions in the demo, with which provider, and how they talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from relay.demo.examples import JsonObject
from relay.demo.talk import Talk
from relay.doubles.audio import to_base64

__all__ = ["CALLERS", "Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who holds sessions, one after the other."""

    resources: Sequence[str]
    """What follows the gateway's URL, in turn."""
    talk: Callable[[Talk], Awaitable[None]]
    """What they do in a session, which is closed when it returns."""
    again_after: float
    """Seconds between two of them."""
    fields: Sequence[tuple[str, str]] = ()
    """Field lines of the opening."""


def _openai_audio(piece: bytes) -> JsonObject:
    return {"type": "input_audio_buffer.append", "audio": to_base64(piece)}


def _mistral_audio(piece: bytes) -> JsonObject:
    return {"type": "input_audio.append", "audio": to_base64(piece)}


async def _take_turns(talk: Talk) -> None:
    """Ask and be answered; cut every other answer short."""
    for turn in range(6):
        await talk.speak(2.0, 24_000, _openai_audio)
        await talk.say({"type": "input_audio_buffer.commit"})
        await talk.say({"type": "response.create"})
        if turn % 2:
            await talk.say({"type": "response.cancel"})
        await talk.hear(3.0)


async def _chat(talk: Talk) -> None:
    """Write, and be answered in audio."""
    generation = {"responseModalities": ["AUDIO"]}
    await talk.say({"setup": {"model": "models/gemini-3.8-live", "generationConfig": generation}})
    for question in ("What is a relay?", "And who runs one?", "Thank you. Tell me a joke.") * 4:
        await talk.hear(5.0)
        turn = {"role": "user", "parts": [{"text": question}]}
        await talk.say({"clientContent": {"turns": [turn], "turnComplete": True}})
    await talk.hear(3.0)


async def _dictate(talk: Talk) -> None:
    """Talk all the time."""
    await talk.speak(120.0, 16_000)
    await talk.say({"type": "CloseStream"})
    await talk.hear()


async def _have_read_out(talk: Talk) -> None:
    """Have a text read out, sentence by sentence."""
    await talk.say({"text": " "})
    for sentence in (
        "Each session has a record. ",
        "It says who talked with whom, and for how long. ",
        "It says what that cost, or that nobody knows. ",
        "And it says who ended it. ",
    ) * 3:
        await talk.say({"text": sentence})
        await talk.hear(3.0)
    await talk.say({"text": ""})
    await talk.hear()


async def _keep_silent(talk: Talk) -> None:
    """Say nothing, until somebody ends it."""
    await talk.hear()


async def _dictate_shortly(talk: Talk) -> None:
    """Say a little."""
    await talk.speak(10.0, 16_000)
    await talk.say({"type": "Terminate"})
    await talk.hear()


async def _dictate_in_vain(talk: Talk) -> None:
    """Talk until the provider has had enough."""
    await talk.speak(60.0, 16_000, _mistral_audio)


CALLERS = (
    Caller(["openai?model=gpt-realtime"], _take_turns, 4.0),
    Caller(["google"], _chat, 6.0),
    Caller(
        ["deepgram/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000"],
        _dictate,
        5.0,
    ),
    Caller(
        ["elevenlabs/v1/text-to-speech/demo/stream-input?model_id=eleven_flash_v2_5"],
        _have_read_out,
        5.0,
    ),
    Caller(["openai?model=gpt-realtime-mini"], _keep_silent, 10.0),
    Caller(
        ["assemblyai?sample_rate=16000&speech_model=universal-streaming-english"],
        _dictate_shortly,
        3.0,
    ),
    Caller(
        ["mistral/v1/audio/transcriptions/realtime?model=voxtral-mini-transcribe-realtime-2602"],
        _dictate_in_vain,
        8.0,
    ),
    # Refused: by the provider, whose key this is not, and by the relay, which knows no such one.
    Caller(
        ["xai?model=grok-voice-latest", "nobody?model=m"],
        _keep_silent,
        15.0,
        [("Authorization", "Bearer not-the-key")],
    ),
)
"""Their models have prices where the relay knows some, so that there are costs to see."""
