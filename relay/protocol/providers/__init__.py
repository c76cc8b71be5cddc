"""The catalogue of providers: data, not code.

To add a provider, copy the file of one that is like it and name it below: its origin, its endpoints
(the first is the default), where its clients put their credentials, where a stored key goes, and
which field lines of its SDKs it wants. What each entry rests on is said in its file; *unconfirmed*
means that no documentation says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from relay.protocol.endpoints import Provider
from relay.protocol.providers.assemblyai import ASSEMBLYAI
from relay.protocol.providers.azure_openai import AZURE_OPENAI
from relay.protocol.providers.cartesia import CARTESIA
from relay.protocol.providers.deepgram import DEEPGRAM
from relay.protocol.providers.elevenlabs import ELEVENLABS
from relay.protocol.providers.fal import FAL
from relay.protocol.providers.google import GOOGLE
from relay.protocol.providers.google_vertex import GOOGLE_VERTEX
from relay.protocol.providers.hume import HUME
from relay.protocol.providers.inworld import INWORLD
from relay.protocol.providers.mistral import MISTRAL
from relay.protocol.providers.openai import OPENAI
from relay.protocol.providers.speechmatics import SPEECHMATICS
from relay.protocol.providers.workers_ai import WORKERS_AI
from relay.protocol.providers.xai import XAI

__all__ = ["CATALOGUE", "by_name"]

CATALOGUE = (
    OPENAI,
    AZURE_OPENAI,
    GOOGLE,
    GOOGLE_VERTEX,
    CARTESIA,
    ELEVENLABS,
    DEEPGRAM,
    FAL,
    XAI,
    ASSEMBLYAI,
    HUME,
    MISTRAL,
    SPEECHMATICS,
    INWORLD,
    WORKERS_AI,
)
"""Every provider that is known without a configuration."""


def by_name(providers: tuple[Provider, ...] = CATALOGUE) -> Mapping[str, Provider]:
    """The providers by name and by alias."""
    return {name: provider for provider in providers for name in (provider.name, *provider.aliases)}
