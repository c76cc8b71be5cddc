"""The realtime APIs of ``mistralai``."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

from mistralai.client import Mistral

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


def _client() -> tuple[Mistral, dict[str, str]]:
    """A client, and headers, which the SDK takes with each connection."""
    if OWN:
        # -- docs: begin
        client = Mistral(server_url=f"{RELAY_URL}/mistral", api_key=PROVIDER_KEY)
        http_headers = {"cf-aig-authorization": RELAY_TOKEN}
        # -- docs: end
        return client, http_headers
    # -- docs: begin
    client = Mistral(server_url=f"{RELAY_URL}/mistral", api_key=RELAY_TOKEN)
    # -- docs: end
    return client, {}


async def _transcription() -> Facts:
    client, http_headers = _client()
    text, last = "", ""
    async for event in client.audio.realtime.transcribe_stream(
        _microphone(), model="voxtral-mini-transcribe-realtime", http_headers=http_headers
    ):
        last = event.type
        if event.type == "transcription.done":
            text = event.text
    return {"text": text, "last": last}


async def _speech() -> Facts:
    client, http_headers = _client()
    audio, last = b"", ""
    async with await client.audio.realtime_speech.connect(
        model="voxtral-tts-realtime", http_headers=http_headers
    ) as connection:
        await connection.send_text("Hello, world.")
        await connection.end()
        async for event in connection:
            last = event.type
            if event.type == "speech.audio.delta":
                audio += base64.b64decode(event.audio_data)
    return {"audio": len(audio), "last": last}


async def _microphone() -> AsyncIterator[bytes]:
    speech = pcm(1.0)
    half = len(speech) // 2
    yield speech[:half]
    yield speech[half:]


run({"transcription": _transcription, "speech": _speech})
