"""The realtime APIs of ``hume``: speech to speech (EVI), and text to speech."""

from __future__ import annotations

import base64

from hume import HumeClient
from hume.empathic_voice.types import UserInput
from hume.tts.types import PublishTts

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, run


def _client() -> HumeClient:
    if OWN:
        # -- docs: begin
        return HumeClient(
            base_url=f"{RELAY_URL}/hume",
            api_key=PROVIDER_KEY,
            headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    # -- docs: begin
    return HumeClient(base_url=f"{RELAY_URL}/hume", api_key=RELAY_TOKEN)
    # -- docs: end


def _evi() -> Facts:
    audio, text, last = b"", "", ""
    with _client().empathic_voice.chat.connect() as connection:
        connection.send_publish(UserInput(text="Tell me a joke"))
        for event in connection:
            last = event.type
            if event.type == "audio_output":
                audio += base64.b64decode(event.data)
            elif event.type == "assistant_message":
                text += event.message.content
            elif event.type == "assistant_end":
                break
    return {"audio": len(audio), "text": text, "last": last}


def _tts() -> Facts:
    audio = b""
    with _client().tts.stream_input.connect(no_binary=True) as connection:
        connection.send_publish(PublishTts(text="Hello, world."))
        connection.send_publish(PublishTts(close=True))
        for chunk in connection:
            audio += base64.b64decode(chunk.audio)
    return {"audio": len(audio)}


run({"EVI": _evi, "tts": _tts})
