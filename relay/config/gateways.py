"""``[gateways."account_id/gateway_id"]``: who may open what, with which keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from relay.config.limits import limits, limits_of_gateway
from relay.config.model import ConfigModel, GatewayModel
from relay.key_source import KeySource, current_key, read_key
from relay.protocol import Gateway, GatewayToken, Provider, Secret

__all__ = ["GatewayResolver"]


class GatewayResolver:
    """Turns the tables of gateways into gateways.

    Args:
        model: The configuration.
        folder: What a relative path is relative to.
        problem: Called with the path of a key and a sentence about it.
        providers: Those that there are, by name and alias.
        exposed: Whether more than this machine reaches a listener.
    """

    def __init__(
        self,
        model: ConfigModel,
        folder: Path,
        problem: Callable[[str, str], None],
        providers: Mapping[str, Provider],
        *,
        exposed: bool,
    ) -> None:
        self._model = model
        self._folder = folder
        self._problem = problem
        self._providers = providers
        self._exposed = exposed

    def gateways(self) -> dict[str, Gateway]:
        """All of them, by name."""
        return {name: self._gateway(name, each) for name, each in self._model.gateways.items()}

    def _gateway(self, name: str, model: GatewayModel) -> Gateway:
        where = f'gateways."{name}"'
        if model.authentication == "none" and model.stored_keys:
            if self._exposed and not model.open_stored_keys:
                self._problem(
                    f"{where}.stored_keys",
                    'with authentication = "none" and a listener that is not loopback, or that has '
                    "a proxy in front, anybody could use these keys: say open_stored_keys = true "
                    "if that is meant",
                )
        elif model.authentication == "required" and not model.tokens:
            self._problem(
                f"{where}.tokens",
                "nobody could open a session: add a token (relay token new), or say "
                'authentication = "none"',
            )
        for token_name, count in Counter(token.name for token in model.tokens).items():
            if count > 1:
                self._problem(f"{where}.tokens", f"{count} tokens have the name {token_name}")
        for count in Counter(token.sha256 for token in model.tokens).values():
            if count > 1:
                self._problem(f"{where}.tokens", f"{count} tokens have the same sha256")
        return Gateway(
            name=name,
            authentication_required=model.authentication == "required",
            tokens=tuple(
                GatewayToken(
                    name=token.name,
                    sha256=bytes.fromhex(token.sha256),
                    providers=self._names(f"{where}.tokens[{number}].providers", token.providers),
                    models=None if token.models is None else tuple(token.models),
                    expires=None if token.expires is None else token.expires.timestamp(),
                    max_sessions=token.max_sessions,
                    openings_per_minute=token.openings_per_minute,
                    metadata=token.metadata,
                )
                for number, token in enumerate(model.tokens)
            ),
            origins=None if model.origins is None else frozenset(model.origins),
            providers=self._names(f"{where}.providers", model.providers),
            models=None if model.models is None else tuple(model.models),
            client_credentials_allowed=model.client_credentials == "allowed",
            stored_key=self._stored_keys(where, model),
            limits=limits(limits_of_gateway(self._model.limits, model.limits)),
            messages_lane=model.lane == "messages",
            compression=model.compression == "passthrough",
            tail_content=model.tail_content,
            max_sessions=model.max_sessions,
            openings_per_minute=model.openings_per_minute,
        )

    def _names(self, where: str, names: list[str] | None) -> frozenset[str] | None:
        """Names of providers, aliases resolved."""
        if names is None:
            return None
        found = [self._known(where, name) for name in names]
        return frozenset(each.name for each in found if each is not None)

    def _known(self, where: str, name: str) -> Provider | None:
        provider = self._providers.get(name)
        if provider is None and name not in self._model.providers:  # else its problem is told there
            self._problem(where, f"there is no provider {name}")
        return provider

    def _stored_keys(self, where: str, model: GatewayModel) -> Callable[[str, str], Secret | None]:
        keys: dict[tuple[str, str], KeySource] = {}
        for name, by_alias in model.stored_keys.items():
            provider = self._known(f"{where}.stored_keys", name)
            if provider is None:
                continue
            if provider.needs_url:
                self._problem(
                    f"{where}.stored_keys.{name}",
                    f"set providers.{provider.name}.url"
                    f"{'' if provider.origin is None else ', with the path of your account'}: "
                    "a stored key goes only where that says",
                )
            for alias, text in by_alias.items():
                here = f"{where}.stored_keys.{name}.{alias}"
                if (provider.name, alias) in keys:
                    self._problem(here, f"{provider.name} has another key by this alias")
                try:
                    key = read_key(
                        text, self._folder, inline=self._model.server.allow_inline_secrets
                    )
                except ValueError as error:
                    self._problem(here, str(error))
                else:
                    keys[provider.name, alias] = key

        def stored_key(provider: str, alias: str) -> Secret | None:
            key = keys.get((provider, alias))
            return None if key is None else current_key(key)

        return stored_key
