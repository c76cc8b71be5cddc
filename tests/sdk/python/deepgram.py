"""The realtime APIs of ``deepgram-sdk``."""

from __future__ import annotations

from deepgram import DeepgramClient
from deepgram.agent.v1.types import (
    AgentV1InjectUserMessage,
    AgentV1Settings,
    AgentV1SettingsAgent,
    AgentV1SettingsAudio,
)
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.types import SpeakV1Text
from deepgram.speak.v2.types import SpeakV2Speak

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


def _client() -> DeepgramClient:
    # -- docs: begin
    url = f"{RELAY_URL}/deepgram"
    websocket_url = url.replace("https:", "wss:")
    environment = DeepgramClientEnvironment(
        base=url, agent_rest=url, production=websocket_url, agent=websocket_url
    )
    client = DeepgramClient(api_key=RELAY_TOKEN, environment=environment)
    # -- docs: end
    if OWN:
        # -- docs: begin
        client = DeepgramClient(
            api_key=PROVIDER_KEY,
            environment=environment,
            headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    return client


def _listen() -> Facts:
    text, last = "", ""
    client = _client()
    with client.listen.v1.connect(
        model="nova-3", encoding="linear16", sample_rate=16000
    ) as connection:
        connection.send_media(pcm(1.0))
        connection.send_close_stream()
        for event in connection:
            last = event.type
            if event.type == "Results":
                text += event.channel.alternatives[0].transcript
    return {"text": text, "last": last}


def _listen_turns() -> Facts:
    text, last = "", ""
    client = _client()
    with client.listen.v2.connect(
        model="flux-general-en", encoding="linear16", sample_rate=16000
    ) as connection:
        connection.send_media(pcm(1.0))
        connection.send_close_stream()
        for event in connection:
            if event.type == "TurnInfo":
                text, last = event.transcript, event.event
    return {"text": text, "last": last}


def _speak() -> Facts:
    audio, last = b"", ""
    client = _client()
    with client.speak.v1.connect(
        model="aura-2-thalia-en", encoding="linear16", sample_rate=24000
    ) as connection:
        connection.send_text(SpeakV1Text(text="Hello, world."))
        connection.send_flush()
        for event in connection:
            if isinstance(event, bytes):
                audio += event
            else:
                last = event.type
            if last == "Flushed":
                break
        connection.send_close()
    return {"audio": len(audio), "last": last}


def _speak_turns() -> Facts:
    audio, last = b"", ""
    client = _client()
    with client.speak.v2.connect(
        model="flux-tts-en", encoding="linear16", sample_rate=24000
    ) as connection:
        connection.send_speak(SpeakV2Speak(text="Hello, world."))
        connection.send_flush()
        connection.send_close()
        for event in connection:
            if isinstance(event, bytes):
                audio += event
            else:
                last = event.type
    return {"audio": len(audio), "last": last}


def _agent() -> Facts:
    audio, text, last = b"", "", ""
    settings = AgentV1Settings(audio=AgentV1SettingsAudio(), agent=AgentV1SettingsAgent())
    with _client().agent.v1.connect() as connection:
        connection.send_settings(settings)
        for event in connection:
            if isinstance(event, bytes):
                audio += event
                continue
            last = event.type
            if event.type == "SettingsApplied":
                connection.send_inject_user_message(AgentV1InjectUserMessage(content="Hello"))
            elif event.type == "ConversationText":
                text = event.content
            elif event.type == "AgentAudioDone":
                break
    return {"audio": len(audio), "text": text, "last": last}


run(
    {
        "listen, v1": _listen,
        "listen, v2": _listen_turns,
        "speak, v1": _speak,
        "speak, v2": _speak_turns,
        "agent": _agent,
    }
)
