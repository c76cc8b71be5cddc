"""The realtime APIs of ``elevenlabs``."""

from __future__ import annotations

import asyncio
import base64
import queue
from collections.abc import Callable
from typing import Any

import httpx
from elevenlabs.client import AsyncElevenLabs, ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AudioInterface,
    Conversation,
    DisconnectionDetails,
)
from elevenlabs.realtime import AudioFormat, RealtimeEvents

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


class _Refused(Exception):  # noqa: N818 - what the SDK reports, to have it like other SDKs' errors
    """What a conversation ended with, which the SDK does not raise."""


def _text_to_speech() -> Facts:
    request_options: Any = None
    # -- docs: begin
    client = ElevenLabs(base_url=f"{RELAY_URL}/elevenlabs", api_key=RELAY_TOKEN)
    # -- docs: end
    if OWN:
        # The options are given to each call.
        # -- docs: begin
        client = ElevenLabs(base_url=f"{RELAY_URL}/elevenlabs", api_key=PROVIDER_KEY)
        request_options = {"additional_headers": {"cf-aig-authorization": RELAY_TOKEN}}
        # -- docs: end
    audio = client.text_to_speech.convert_realtime(
        "21m00Tcm4TlvDq8ikWAM",
        text=iter(["Hello, ", "world."]),
        model_id="eleven_flash_v2_5",
        output_format="pcm_16000",
        request_options=request_options,
    )
    return {"audio": len(b"".join(audio))}


async def _scribe() -> Facts:
    # -- docs: begin
    client = AsyncElevenLabs(base_url=f"{RELAY_URL}/elevenlabs", api_key=RELAY_TOKEN)
    # -- docs: end
    connection = await client.speech_to_text.realtime.connect(
        {
            "model_id": "scribe_v2_realtime",
            "audio_format": AudioFormat.PCM_16000,
            "sample_rate": 16000,
        }
    )
    events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    for name in (RealtimeEvents.COMMITTED_TRANSCRIPT, RealtimeEvents.ERROR, RealtimeEvents.CLOSE):
        connection.on(name, lambda data, name=name: events.put_nowait((name.value, data)))
    await connection.send({"audio_base_64": base64.b64encode(pcm(0.5)).decode()})
    await connection.commit()
    name, data = await events.get()
    await connection.close()
    return {"text": data["text"], "last": name}


def _public_agent() -> Facts:
    """The SDK sends no credential at all: this needs a gateway that wants none."""
    # -- docs: begin
    client = ElevenLabs(base_url=f"{RELAY_URL}/elevenlabs")
    # -- docs: end
    return _converse(client, "public", requires_auth=False)


def _private_agent() -> Facts:
    """With the gateway token in the signed URL, which the SDK would ask ElevenLabs for.

    The SDK gets the URL by a GET request, which no relay of WebSockets answers, and then opens
    whatever URL it got. So here its HTTP client answers itself.
    """

    # -- docs: begin
    def sign(request: httpx.Request) -> httpx.Response:
        query = f"agent_id={request.url.params['agent_id']}&conversation_signature={RELAY_TOKEN}"
        url = f"{RELAY_URL}/elevenlabs/v1/convai/conversation?{query}"
        return httpx.Response(200, json={"signed_url": url.replace("https:", "wss:")})

    client = ElevenLabs(httpx_client=httpx.Client(transport=httpx.MockTransport(sign)))
    # -- docs: end
    return _converse(client, "my-agent", requires_auth=True)


def _converse(client: ElevenLabs, agent: str, *, requires_auth: bool) -> Facts:
    """Say something, and listen until the agent has answered with as much."""
    heard: queue.Queue[bytes | DisconnectionDetails] = queue.Queue()
    texts: list[str] = []
    conversation = Conversation(
        client,
        agent,
        requires_auth=requires_auth,
        audio_interface=_Telephone(heard),
        callback_agent_response=texts.append,
        callback_disconnect=heard.put,
    )
    conversation.start_session()
    audio = b""
    while len(audio) < 0.5 * 16000 * 2:
        piece = heard.get()
        if isinstance(piece, DisconnectionDetails):
            raise _Refused(piece.message)
        audio += piece
    conversation.end_session()
    conversation.wait_for_session_end()
    ended = heard.queue[-1]
    assert isinstance(ended, DisconnectionDetails)
    return {"audio": len(audio), "text": " ".join(texts), "ended by": ended.reason}


class _Telephone(AudioInterface):
    """Says a second of tone at the beginning, and passes on what it hears."""

    def __init__(self, heard: queue.Queue[bytes | DisconnectionDetails]) -> None:
        self._heard = heard

    def start(self, input_callback: Callable[[bytes], None]) -> None:
        input_callback(pcm(1.0))

    def stop(self) -> None:
        pass

    def output(self, audio: bytes) -> None:
        self._heard.put(audio)

    def interrupt(self) -> None:
        pass


run(
    {
        "text to speech": _text_to_speech,
        "Scribe": _scribe,
        "conversation, public agent": _public_agent,
        "conversation, private agent": _private_agent,
    }
)
