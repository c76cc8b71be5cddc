"""The meters by name. Endpoints of the catalogue say theirs."""

from __future__ import annotations

from collections.abc import Mapping

from relay.protocol.endpoints import Endpoint
from relay.protocol.meters.assemblyai import AssemblyAIAgent, AssemblyAIStreaming
from relay.protocol.meters.cartesia import CartesiaSpeech, CartesiaTranscription
from relay.protocol.meters.deepgram import (
    DeepgramAgent,
    DeepgramListen,
    DeepgramListenTurns,
    DeepgramSpeak,
    DeepgramSpeakTurns,
)
from relay.protocol.meters.elevenlabs import ElevenLabsAgent, ElevenLabsScribe, ElevenLabsSpeech
from relay.protocol.meters.google_live import GoogleLive, GoogleMusic
from relay.protocol.meters.hume import HumeChat, HumeExpression, HumeSpeech
from relay.protocol.meters.meter import Meter
from relay.protocol.meters.mistral import MistralSpeech, MistralTranscription
from relay.protocol.meters.openai_live import OpenAILive
from relay.protocol.meters.openai_realtime import OpenAIRealtime
from relay.protocol.meters.openai_responses import OpenAIResponses
from relay.protocol.meters.openai_translations import OpenAITranslations
from relay.protocol.meters.speechmatics import Speechmatics
from relay.protocol.meters.xai import XAISpeech, XAITranscription

__all__ = ["BY_MODEL", "METERS", "meter_for"]

METERS: Mapping[str, type[Meter]] = {
    "assemblyai-agent": AssemblyAIAgent,
    "assemblyai-streaming": AssemblyAIStreaming,
    "cartesia-speech": CartesiaSpeech,
    "cartesia-transcription": CartesiaTranscription,
    "deepgram-agent": DeepgramAgent,
    "deepgram-listen": DeepgramListen,
    "deepgram-listen-turns": DeepgramListenTurns,
    "deepgram-speak": DeepgramSpeak,
    "deepgram-speak-turns": DeepgramSpeakTurns,
    "elevenlabs-agent": ElevenLabsAgent,
    "elevenlabs-scribe": ElevenLabsScribe,
    "elevenlabs-speech": ElevenLabsSpeech,
    "google-live": GoogleLive,
    "google-music": GoogleMusic,
    "hume-chat": HumeChat,
    "hume-expression": HumeExpression,
    "hume-speech": HumeSpeech,
    "mistral-speech": MistralSpeech,
    "mistral-transcription": MistralTranscription,
    "openai-live": OpenAILive,
    "openai-realtime": OpenAIRealtime,
    "openai-responses": OpenAIResponses,
    "openai-translations": OpenAITranslations,
    "speechmatics": Speechmatics,
    "xai-speech": XAISpeech,
    "xai-transcription": XAITranscription,
}
"""All of them."""

BY_MODEL: Mapping[str, Mapping[str, str]] = {
    "workers-ai": {
        "@cf/deepgram/nova": "deepgram-listen",
        "@cf/deepgram/flux": "deepgram-listen-turns",
        "@cf/deepgram/aura": "deepgram-speak",
    },
}
"""Where the model tells the protocol: its name's beginning, and the meter."""


def meter_for(endpoint: Endpoint, model: str | None) -> type[Meter] | None:
    """The meter of an endpoint; None if there is none.

    Args:
        endpoint: As the catalogue or the configuration has it.
        model: As the path or the query names it.
    """
    name = endpoint.meter or ""
    for prefix, meter in BY_MODEL.get(name, {}).items():
        if model and model.startswith(prefix):
            name = meter
    return METERS.get(name)
