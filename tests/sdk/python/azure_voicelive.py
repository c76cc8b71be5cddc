"""The realtime API of ``azure-ai-voicelive``."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager
from typing import Any

from azure.ai.voicelive.aio import connect
from azure.core.credentials import AzureKeyCredential

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


def _connection() -> AbstractAsyncContextManager[Any]:
    if OWN:
        # -- docs: begin
        return connect(
            endpoint=f"{RELAY_URL}/azure-openai",
            credential=AzureKeyCredential(PROVIDER_KEY),
            model="gpt-realtime",
            headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    # -- docs: begin
    return connect(
        endpoint=f"{RELAY_URL}/azure-openai",
        credential=AzureKeyCredential(RELAY_TOKEN),
        model="gpt-realtime",
    )
    # -- docs: end


async def _voice_live() -> Facts:
    audio, text, last = b"", "", ""
    async with _connection() as connection:
        speech = base64.b64encode(pcm(0.5, 24000)).decode()
        await connection.input_audio_buffer.append(audio=speech)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        async for event in connection:
            last = event.type
            if event.type == "response.audio.delta":
                audio += event.delta
            elif event.type == "response.audio_transcript.delta":
                text += event.delta
            elif event.type == "response.done":
                break
    return {"audio": len(audio), "text": text, "last": last}


run({"Voice Live": _voice_live})
