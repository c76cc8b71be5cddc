"""What clients say to each double, and what they wait for."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable

from relay.doubles import msgpack
from relay.testing.frames import MASKING_KEY, Frame, encode
from tests.doubles.peer import Json, Peer
from tests.doubles.realtime import HELLO

__all__ = ["HALF", "TEXT", "Talk", "say"]

Talk = Callable[[Peer], Awaitable[None]]

TEXT = "Hello there, double"
HALF = bytes(16000)
"""Half a second of PCM16 at 16 kHz."""


def b64(size: int) -> str:
    """So many bytes of silence."""
    return base64.b64encode(bytes(size)).decode()


def say(*steps: Json | str | bytes | tuple[str, ...], first: str = "") -> Talk:
    """A talk: messages are sent, and a tuple waits for a message.

    Args:
        steps: A tuple is what its ``type`` has to be, and which member says that, if another.
        first: The type of the message that the provider begins with.
    """

    async def talk(peer: Peer) -> None:
        if first:
            await peer.until(first)
        for step in steps:
            if isinstance(step, tuple):
                await peer.until(*step)
            else:
                await peer.send(step)

    return talk


async def realtime(peer: Peer) -> None:
    """OpenAI's Realtime API: a response, and one that is cancelled before it says anything."""
    assert (await peer.json())["type"] == "session.created"
    await peer.send(HELLO)
    create: Json = {"type": "response.create"}
    await peer.send(create)
    await peer.until("response.done")
    both = [_text(create), _text({"type": "response.cancel"})]
    await peer.stream.send_all(encode(both, MASKING_KEY))  # at once, so that it is early enough
    await peer.until("response.done")


async def realtime_transcription(peer: Peer) -> None:
    """The same: audio that is transcribed by two models."""
    await peer.until("session.created")
    for model in ("whisper-1", "gpt-4o-transcribe"):
        audio: Json = {"input": {"transcription": {"model": model}}}
        await peer.send({"type": "session.update", "session": {"audio": audio}})
        await peer.until("session.updated")
        await peer.send({"type": "input_audio_buffer.append", "audio": b64(48000)})
        await peer.send({"type": "input_audio_buffer.commit"})
        await peer.until("conversation.item.input_audio_transcription.completed")


async def google(peer: Peer) -> None:
    """Gemini Live: a turn in audio, and one that is asked for in audio."""
    model = "models/gemini-live"
    await google_turns(peer, model)


async def vertex(peer: Peer) -> None:
    """The same of Vertex AI."""
    where = "projects/p/locations/us-central1/publishers/google"
    await google_turns(peer, f"{where}/models/gemini-live")


async def google_turns(peer: Peer, model: str) -> None:
    """Two turns of Gemini Live."""
    await peer.send({"setup": {"model": model}})
    assert "setupComplete" in await peer.json()
    content = {"turns": [{"role": "user", "parts": [{"text": TEXT}]}], "turnComplete": True}
    await peer.send({"clientContent": content})
    await _google_turn(peer)
    blob = {"data": b64(32000), "mimeType": "audio/pcm;rate=16000"}
    await peer.send({"realtimeInput": {"audio": blob}})
    await _google_turn(peer)


async def _google_turn(peer: Peer) -> None:
    while not (await peer.json()).get("serverContent", {}).get("turnComplete"):
        pass


async def google_music(peer: Peer) -> None:
    """Lyria's music."""
    await peer.send({"setup": {"model": "models/lyria"}})
    assert await peer.json() == {"setupComplete": {}}
    await peer.send({"clientContent": {"weightedPrompts": [{"text": "techno", "weight": 1.0}]}})
    await peer.send({"playbackControl": "PLAY"})
    for _ in range(6):
        await peer.json()


async def spoken(peer: Peer, *messages: Json, count: int) -> None:
    """Messages, and then so many of the provider's, whatever they are."""
    for message in messages:
        await peer.send(message)
    for _ in range(count):
        await peer.receive()


async def fal_image(peer: Peer) -> None:
    """An image of fal's, in MessagePack."""
    await peer.send(msgpack.pack({"prompt": "a cat", "seed": 7}))
    await peer.receive()


async def fal_request(peer: Peer) -> None:
    """A request over fal's WebSocket: start, an image and end."""
    await spoken(peer, {"prompt": "a cat"}, count=3)


async def elevenlabs_agent(peer: Peer) -> None:
    """A conversation with an agent."""
    await peer.until("ping")
    await spoken(peer, {"type": "user_message", "text": "Hi"}, count=7)


async def deepgram_speak(peer: Peer) -> None:
    """An utterance, and one that is cleared."""
    await peer.until("Metadata")
    await spoken(peer, {"type": "Speak", "text": TEXT}, {"type": "Flush"}, count=3)
    await peer.until("Flushed")
    await peer.send({"type": "Speak", "text": "Never mind"})
    await peer.send({"type": "Clear"})
    await peer.until("Cleared")


async def deepgram_speak_turns(peer: Peer) -> None:
    """A turn of Flux TTS."""
    await peer.until("Connected")
    await peer.send({"type": "Speak", "text": TEXT})
    await peer.until("SpeechStarted")
    await spoken(peer, count=3)
    await peer.send({"type": "Flush"})
    await peer.until("SpeechMetadata")
    await peer.send({"type": "Close"})
    await peer.until("SessionMetadata")


async def deepgram_agent(peer: Peer) -> None:
    """A conversation with Deepgram's agent."""
    audio = {
        "input": {"encoding": "linear16", "sample_rate": 16000},
        "output": {"encoding": "linear16", "sample_rate": 8000},
    }
    think = {"provider": {"type": "open_ai", "model": "gpt-mini"}}
    await peer.until("Welcome")
    await peer.send({"type": "Settings", "audio": audio, "agent": {"think": think}})
    await peer.until("SettingsApplied")
    await peer.send({"type": "InjectUserMessage", "content": "Hello"})
    await peer.until("AgentStartedSpeaking")
    await spoken(peer, count=6)
    await peer.until("AgentAudioDone")


async def cartesia_speech(peer: Peer) -> None:
    """Two contexts, the second of another model."""
    output = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000}
    for model in ("sonic", "sonic-2"):
        request: Json = {
            "model_id": model,
            "transcript": TEXT,
            "voice": {"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
            "context_id": f"context-{model}",
            "output_format": output,
        }
        await peer.send(request)
        await peer.until("done")


async def hume_speech(peer: Peer) -> None:
    """A text, in three pieces of audio, and another."""
    for words, close in ((TEXT, False), ("Bye", True)):
        await peer.send({"text": words, "close": close})
        while not (await peer.json())["is_last_chunk"]:
            pass


async def hume_expression(peer: Peer) -> None:
    """Four seconds of audio."""
    await peer.until("session.created")
    for _ in range(4):
        await peer.send(bytes(32000))
    await peer.until("measurement.result")
    await peer.send({"type": "session.close"})
    await peer.until("session.closed")


async def speechmatics(peer: Peer) -> None:
    """A second and a half of audio."""
    raw = {"type": "raw", "encoding": "pcm_s16le", "sample_rate": 16000}
    config = {"language": "en", "operating_point": "enhanced"}
    start = {"message": "StartRecognition", "audio_format": raw, "transcription_config": config}
    await peer.send(start)
    await peer.until("RecognitionStarted", "message")
    for _ in range(3):
        await peer.send(HALF)
    await peer.send({"message": "EndOfStream", "last_seq_no": 3})
    await peer.until("EndOfTranscript", "message")


def _text(message: Json) -> Frame:
    return Frame(0x1, json.dumps(message).encode())
