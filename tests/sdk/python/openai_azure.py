"""Azure OpenAI with ``openai``: the preview and the GA form of its URL."""

from __future__ import annotations

import base64

from openai import AzureOpenAI, OpenAI

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run


def _preview_client() -> AzureOpenAI:
    if OWN:
        # -- docs: begin
        return AzureOpenAI(
            azure_endpoint=f"{RELAY_URL}/azure-openai",
            api_key=PROVIDER_KEY,
            api_version="2025-04-01-preview",
            default_headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    # -- docs: begin
    return AzureOpenAI(
        azure_endpoint=f"{RELAY_URL}/azure-openai",
        api_key=RELAY_TOKEN,
        api_version="2025-04-01-preview",
    )
    # -- docs: end


def _ga_client() -> OpenAI:
    """AzureOpenAI has no GA form: Azure documents this one, which sends a Bearer token."""
    if OWN:
        # -- docs: begin
        return OpenAI(
            base_url=f"{RELAY_URL}/azure-openai/openai/v1",
            api_key=PROVIDER_KEY,
            default_headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    # -- docs: begin
    return OpenAI(base_url=f"{RELAY_URL}/azure-openai/openai/v1", api_key=RELAY_TOKEN)
    # -- docs: end


def _realtime(client: OpenAI, *, beta: bool) -> Facts:
    audio, last = b"", ""
    realtime = client.beta.realtime if beta else client.realtime
    with realtime.connect(model="my-deployment") as connection:
        connection.input_audio_buffer.append(audio=base64.b64encode(pcm(0.5, 24000)).decode())
        connection.input_audio_buffer.commit()
        connection.response.create()
        for event in connection:
            last = event.type
            if event.type in {"response.audio.delta", "response.output_audio.delta"}:
                audio += base64.b64decode(event.delta)
            elif event.type == "response.done":
                break
    return {"audio": len(audio), "last": last}


def _live() -> Facts:
    audio, last = b"", ""
    with _ga_client().live.connect() as connection:
        connection.session.start(session={"model": "my-deployment"})
        for event in connection:
            last = event.type
            if event.type == "session.started":
                connection.session.close()
            elif event.type == "session.output_audio.delta":
                audio += base64.b64decode(event.delta)
    return {"audio": len(audio), "last": last}


def _responses() -> Facts:
    text, last = "", ""
    with _ga_client().responses.connect() as connection:
        connection.response.create(model="my-deployment", input="Tell me a joke")
        for event in connection:
            last = event.type
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.completed":
                break
    return {"text": text, "last": last}


run(
    {
        "Azure realtime, preview": lambda: _realtime(_preview_client(), beta=True),
        "Azure realtime, GA": lambda: _realtime(_ga_client(), beta=False),
        "Azure live, GA": _live,
        "Azure responses, GA": _responses,
    }
)
