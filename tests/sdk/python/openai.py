"""The realtime APIs of ``openai``."""

from __future__ import annotations

import base64

from openai import OpenAI

from tests.sdk.python.program import OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, Facts, pcm, run

_RATE = 24000


def _client() -> OpenAI:
    if OWN:
        # -- docs: begin
        return OpenAI(
            base_url=f"{RELAY_URL}/openai",
            api_key=PROVIDER_KEY,
            default_headers={"cf-aig-authorization": RELAY_TOKEN},
        )
        # -- docs: end
    # -- docs: begin
    return OpenAI(base_url=f"{RELAY_URL}/openai", api_key=RELAY_TOKEN)
    # -- docs: end


def _speech() -> str:
    return base64.b64encode(pcm(0.5, _RATE)).decode()


def _realtime() -> Facts:
    audio, text, last = b"", "", ""
    with _client().realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        connection.input_audio_buffer.append(audio=_speech())
        connection.input_audio_buffer.commit()
        connection.response.create()
        for event in connection:
            last = event.type
            if event.type == "response.output_audio.delta":
                audio += base64.b64decode(event.delta)
            elif event.type == "response.output_audio_transcript.delta":
                text += event.delta
            elif event.type == "response.done":
                break
    return {"audio": len(audio), "text": text, "last": last}


def _beta_realtime() -> Facts:
    audio, text, last = b"", "", ""
    with _client().beta.realtime.connect(model="gpt-4o-realtime-preview") as connection:
        connection.session.update(session={"modalities": ["audio", "text"]})
        connection.input_audio_buffer.append(audio=_speech())
        connection.input_audio_buffer.commit()
        connection.response.create()
        for event in connection:
            last = event.type
            if event.type == "response.audio.delta":
                audio += base64.b64decode(event.delta)
            elif event.type == "response.audio_transcript.delta":
                text += event.delta
            elif event.type == "response.done":
                break
    return {"audio": len(audio), "text": text, "last": last}


def _transcription() -> Facts:
    text, last = "", ""
    intent = {"intent": "transcription"}
    with _client().realtime.connect(extra_query=intent) as connection:
        connection.session.update(
            session={
                "type": "transcription",
                "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
            }
        )
        connection.input_audio_buffer.append(audio=_speech())
        connection.input_audio_buffer.commit()
        for event in connection:
            last = event.type
            if event.type == "conversation.item.input_audio_transcription.completed":
                text = event.transcript
                break
    return {"text": text, "last": last}


def _translations() -> Facts:
    audio, text, last = b"", "", ""
    client = _client()
    with client.realtime.translations.connect(model="gpt-realtime-translate") as connection:
        connection.session.update(session={"audio": {"output": {"language": "fr"}}})
        connection.session.input_audio_buffer.append(audio=_speech())
        connection.session.close()
        for event in connection:
            last = event.type
            if event.type == "session.output_audio.delta":
                audio += base64.b64decode(event.delta)
            elif event.type == "session.output_transcript.delta":
                text += event.delta
    return {"audio": len(audio), "text": text, "last": last}


def _live() -> Facts:
    audio, text, last = b"", "", ""
    with _client().live.connect() as connection:
        connection.session.start(session={"model": "gpt-live"})
        for event in connection:
            last = event.type
            if event.type == "session.started":
                connection.session.input_audio.append(audio=_speech())
                connection.session.close()
            elif event.type == "session.output_audio.delta":
                audio += base64.b64decode(event.delta)
            elif event.type == "session.output_transcript.delta":
                text += event.delta
    return {"audio": len(audio), "text": text, "last": last}


def _sideband() -> Facts:
    """Attach to a running live session, and end it from there."""
    text, last = "", ""
    client = _client()
    with client.live.connect() as primary:
        primary.session.start(session={"model": "gpt-live"})
        started = next(event for event in primary if event.type == "session.started")
        with client.live.sideband.connect(session_id=started.session.id) as sideband:
            primary.session.input_audio.append(audio=_speech())
            for event in sideband:
                if event.type == "session.output_transcript.delta":
                    text += event.delta
                    sideband.session.close()
        for event in primary:
            last = event.type
    return {"text": text, "last": last}


def _fork() -> Facts:
    """Begin a live session with the configuration of another."""
    audio, last = b"", ""
    client = _client()
    with client.live.connect() as primary:
        primary.session.start(session={"model": "gpt-live", "store": True})
        started = next(event for event in primary if event.type == "session.started")
        with client.live.forks.connect(session_id=started.session.id) as fork:
            fork.session.start(session={})
            for event in fork:
                last = event.type
                if event.type == "session.output_audio.delta":
                    audio += base64.b64decode(event.delta)
                elif event.type == "session.usage.updated":
                    fork.session.close()
        primary.session.close()
    return {"audio": len(audio), "last": last}


def _responses() -> Facts:
    text, last = "", ""
    with _client().responses.connect() as connection:
        connection.response.create(model="gpt-5", input="Tell me a joke")
        for event in connection:
            last = event.type
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.completed":
                break
    return {"text": text, "last": last}


def _beta_responses() -> Facts:
    text, last = "", ""
    with _client().beta.responses.connect() as connection:
        connection.response.create(model="gpt-5", input="Tell me a joke")
        for event in connection:
            last = event.type
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.completed":
                break
    return {"text": text, "last": last}


def _xai() -> Facts:
    """xAI's own SDK has no realtime API; its endpoint speaks OpenAI's events."""
    # -- docs: begin
    client = OpenAI(base_url=f"{RELAY_URL}/xai", api_key=RELAY_TOKEN)
    # -- docs: end
    if OWN:
        headers = {"cf-aig-authorization": RELAY_TOKEN}
        client = client.with_options(api_key=PROVIDER_KEY, default_headers=headers)
    audio, last = b"", ""
    with client.realtime.connect(model="grok-voice") as connection:
        connection.input_audio_buffer.append(audio=_speech())
        connection.input_audio_buffer.commit()
        connection.response.create()
        for event in connection:
            last = event.type
            if event.type == "response.output_audio.delta":
                audio += base64.b64decode(event.delta)
            elif event.type == "response.done":
                break
    return {"audio": len(audio), "last": last}


run(
    {
        "realtime": _realtime,
        "beta realtime": _beta_realtime,
        "transcription": _transcription,
        "translations": _translations,
        "live": _live,
        "live sideband": _sideband,
        "live fork": _fork,
        "responses": _responses,
        "beta responses": _beta_responses,
        "realtime of xAI": _xai,
    }
)
