"""The realtime APIs of ``google-genai``: Gemini Live and music, and Live on Vertex AI."""

from __future__ import annotations

import asyncio
import warnings

from google import genai
from google.genai import types
from google.genai.errors import ExperimentalWarning
from google.oauth2.credentials import Credentials

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run

_TOKEN_HEADER = {"cf-aig-authorization": RELAY_TOKEN}


def _client() -> genai.Client:
    if OWN:
        # -- docs: begin
        return genai.Client(
            api_key=PROVIDER_KEY,
            http_options=types.HttpOptions(
                base_url=f"{RELAY_URL}/google",
                headers={"cf-aig-authorization": RELAY_TOKEN},
            ),
        )
        # -- docs: end
    # -- docs: begin
    return genai.Client(
        api_key=RELAY_TOKEN,
        http_options=types.HttpOptions(base_url=f"{RELAY_URL}/google"),
    )
    # -- docs: end


def _client_of_version(version: str) -> genai.Client:
    options = types.HttpOptions(
        base_url=f"{RELAY_URL}/google",
        api_version=version,
        headers=_TOKEN_HEADER if OWN else {},
    )
    return genai.Client(api_key=PROVIDER_KEY if OWN else RELAY_TOKEN, http_options=options)


def _ephemeral_client() -> genai.Client:
    """With an ephemeral token of Google's as the key, which is for one method of v1alpha alone.

    A double knows one credential, so that this one has a provider of its own.
    """
    options = types.HttpOptions(
        base_url=f"{RELAY_URL}/google-ephemeral", api_version="v1alpha", headers=_TOKEN_HEADER
    )
    return genai.Client(api_key=PROVIDER_KEY, http_options=options)


def _vertex_client() -> genai.Client:
    if OWN:
        # -- docs: begin
        return genai.Client(
            vertexai=True,
            project="my-project",
            location="us-central1",
            credentials=Credentials(token=PROVIDER_KEY),  # or what `google.auth.default()` finds
            http_options=types.HttpOptions(
                base_url=f"{RELAY_URL}/google-vertex-ai",
                headers={"cf-aig-authorization": RELAY_TOKEN},
            ),
        )
        # -- docs: end
    # -- docs: begin
    return genai.Client(
        vertexai=True,
        project="my-project",
        location="us-central1",
        credentials=Credentials(token=RELAY_TOKEN),
        http_options=types.HttpOptions(base_url=f"{RELAY_URL}/google-vertex-ai"),
    )
    # -- docs: end


def _express_client() -> genai.Client:
    """Vertex AI in express mode, which takes an API key."""
    options = types.HttpOptions(
        base_url=f"{RELAY_URL}/google-vertex-ai", headers=_TOKEN_HEADER if OWN else {}
    )
    key = PROVIDER_KEY if OWN else RELAY_TOKEN
    return genai.Client(vertexai=True, api_key=key, http_options=options)


async def _text(client: genai.Client) -> Facts:
    config = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])
    text, last = "", ""
    async with client.aio.live.connect(model="gemini-live", config=config) as session:
        turn = types.Content(role="user", parts=[types.Part(text="Tell me a joke")])
        await session.send_client_content(turns=turn, turn_complete=True)
        async for message in session.receive():
            text += message.text or ""
            if message.server_content and message.server_content.turn_complete:
                last = "turn_complete"
    return {"text": text, "last": last}


async def _audio(client: genai.Client) -> Facts:
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        output_audio_transcription=types.AudioTranscriptionConfig(),
    )
    audio, text, last = b"", "", ""
    async with client.aio.live.connect(model="gemini-live", config=config) as session:
        speech = types.Blob(data=pcm(1.0), mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=speech)
        async for message in session.receive():
            audio += message.data or b""
            content = message.server_content
            if content and content.output_transcription:
                text += content.output_transcription.text or ""
            if content and content.turn_complete:
                last = "turn_complete"
    return {"audio": len(audio), "text": text, "last": last}


async def _music() -> Facts:
    client = _client_of_version("v1alpha")
    audio = b""
    async with client.aio.live.music.connect(model="models/lyria-realtime-exp") as session:
        prompt = types.WeightedPrompt(text="minimal techno", weight=1.0)
        await session.set_weighted_prompts(prompts=[prompt])
        await session.play()
        async with asyncio.timeout(20):
            async for message in session.receive():
                for chunk in (message.server_content and message.server_content.audio_chunks) or []:
                    audio += chunk.data or b""
                if len(audio) >= 0.5 * 48000 * 4:
                    break
        await session.stop()
    return {"audio": len(audio)}


warnings.simplefilter("ignore", ExperimentalWarning)  # of ephemeral tokens, and of music
run(
    {
        "live, text": lambda: _text(_client()),
        "live, audio": lambda: _audio(_client()),
        "live, v1beta": lambda: _audio(_client_of_version("v1beta")),
        "live, v1alpha": lambda: _audio(_client_of_version("v1alpha")),
        "live, ephemeral token": lambda: _audio(_ephemeral_client()),
        "live, Vertex AI": lambda: _audio(_vertex_client()),
        "live, Vertex AI express": lambda: _audio(_express_client()),
        "music": _music,
    }
)
