"""What the relays of this folder go by."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay import protocol


@dataclass(frozen=True)
class Settings:
    """Who may open what, how the providers are verified, and how long everything may take."""

    gateways: Mapping[str, protocol.Gateway]
    providers: Mapping[str, protocol.Provider]
    trust: Mapping[str, ssl.SSLContext]
    """By the provider's name: what verifies it."""
    limits: protocol.Limits = field(default_factory=protocol.Limits)
    """Of a client's request; a gateway has its own, of its sessions."""
    timeouts: protocol.Timeouts = field(default_factory=protocol.Timeouts)


def from_environment() -> Settings:
    """The gateway ``acct/main``, for OpenAI, with the token and the key of the environment."""
    token, key = os.environ["RELAY_TOKEN"].encode(), os.environ["OPENAI_API_KEY"].encode()
    gateway = protocol.Gateway(
        "acct/main",
        tokens=(protocol.GatewayToken("main", hashlib.sha256(token).digest()),),
        providers=frozenset({"openai"}),
        stored_key=lambda _provider, _alias: protocol.Secret(key),
    )
    trust = {"openai": ssl.create_default_context()}
    return Settings({gateway.name: gateway}, protocol.by_name(), trust)
