"""The realtime APIs of ``cartesia``."""

from __future__ import annotations

from cartesia import Cartesia

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


def _client() -> Cartesia:
    if OWN:
        # -- docs: begin
        return Cartesia(
            base_url=f"{RELAY_URL}/cartesia",
            api_key=PROVIDER_KEY,
            default_headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    # -- docs: begin
    return Cartesia(base_url=f"{RELAY_URL}/cartesia", api_key=RELAY_TOKEN)
    # -- docs: end


def _tts() -> Facts:
    audio, last = b"", ""
    with _client().tts.websocket_connect() as connection:
        context = connection.context(
            model_id="sonic-3",
            voice={"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
            output_format={"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000},
        )
        context.push("Hello, world.")
        context.no_more_inputs()
        for event in context.receive():
            last = event.type
            if event.type == "chunk":
                audio += event.audio or b""
    return {"audio": len(audio), "last": last}


def _stt() -> Facts:
    text, last = "", ""
    client = _client()
    with client.stt.manual_finalize.websocket(
        model="ink-whisper", encoding="pcm_s16le", sample_rate=16000
    ) as connection:
        connection.send_raw(pcm(0.5))
        connection.send("finalize")
        connection.send("close")
        for event in connection:
            last = event.type
            if event.type == "transcript":
                text += event.text
    return {"text": text, "last": last}


def _turns() -> Facts:
    text, last = "", ""
    client = _client()
    with client.stt.auto_finalize.websocket(
        model="ink-2", encoding="pcm_s16le", sample_rate=16000
    ) as connection:
        connection.send_raw(pcm(0.5))
        connection.send({"type": "close"})
        for event in connection:
            last = event.type
            if event.type == "turn.end":
                text += event.transcript
    return {"text": text, "last": last}


run({"tts": _tts, "stt": _stt, "stt, turns": _turns})
