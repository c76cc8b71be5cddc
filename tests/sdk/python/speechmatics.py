"""The realtime API of ``speechmatics-rt``."""

from __future__ import annotations

import io
from typing import Any

from speechmatics.rt import AsyncClient, AudioEncoding, AudioFormat, ServerMessageType

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


async def _transcription() -> Facts:
    ws_headers: dict[str, str] | None = None
    # -- docs: begin
    url = f"{RELAY_URL}/speechmatics/v2".replace("https:", "wss:")
    client = AsyncClient(url=url, api_key=RELAY_TOKEN)
    # -- docs: end
    if OWN:
        # The headers are given to `transcribe` or `start_session`.
        # -- docs: begin
        client = AsyncClient(url=url, api_key=PROVIDER_KEY)
        ws_headers = {"cf-aig-authorization": RELAY_TOKEN}
        # -- docs: end
    texts: list[str] = []

    @client.on(ServerMessageType.ADD_TRANSCRIPT)
    def hear(message: dict[str, Any]) -> None:
        texts.append(message["metadata"]["transcript"])

    audio_format = AudioFormat(encoding=AudioEncoding.PCM_S16LE, sample_rate=16000)
    async with client:
        speech = io.BytesIO(pcm(1.0))
        await client.transcribe(speech, audio_format=audio_format, ws_headers=ws_headers)
    return {"text": " ".join(texts)}


run({"transcription": _transcription})
