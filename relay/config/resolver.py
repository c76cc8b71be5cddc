"""From a well-formed configuration to settings that make sense, or to the problems it has."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from relay.config.admin import admin_settings
from relay.config.limits import limits, limits_of_gateway, timeouts
from relay.config.listeners import read_listener, read_tls
from relay.config.model import ConfigModel, GatewayModel
from relay.config.providers import ProviderResolver
from relay.key_source import FileKey, read_key
from relay.prices import BadPriceError, Prices, built_in_prices, parse_price
from relay.protocol import (
    Gateway,
    GatewayToken,
    Provider,
    Secret,
    TrustedProxies,
    by_name,
)
from relay.settings import Listener, Settings
from relay.tls import ServerTls, client_context

__all__ = ["Resolver"]


class Resolver:
    """Turns a model that is well-formed into settings that make sense, or into problems.

    Args:
        model: What stands in the file.
        folder: What a relative path is relative to.
        listening: Where the relay listens already and will go on to, whatever the model says.
    """

    def __init__(
        self, model: ConfigModel, folder: Path, listening: tuple[Listener, ...] = ()
    ) -> None:
        self._model = model
        self._folder = folder
        self._listening = listening
        self.problems: list[str] = []

    def settings(self) -> Settings | None:
        """The settings; None if there are problems."""
        model = self._model
        listeners = tuple(self._listeners())
        tls = self._server_tls(listeners)
        resolver = ProviderResolver(model, self._folder, self._problem)
        providers = resolver.providers()
        names = by_name(providers)
        trusted_proxies = self._trusted_proxies()
        reachable = (*listeners, *self._listening)
        hidden = trusted_proxies == TrustedProxies() and all(each.is_local for each in reachable)
        gateways = {
            name: self._gateway(name, gateway, names, exposed=not hidden)
            for name, gateway in model.gateways.items()
        }
        prices = self._prices(names)
        records = None
        if model.records is not None:
            from relay.config.records import record_settings  # noqa: PLC0415 - loads slowly

            inline = model.server.allow_inline_secrets
            records = record_settings(
                model.records, self._folder, self._problem, inline_secrets=inline
            )
        admin = None
        if model.admin is not None:
            admin = admin_settings(model.admin, self._folder, self._problem)
        if not gateways:
            self._problem("gateways", "there is none, so nothing could be opened")
        if self.problems:
            return None
        public = client_context()
        return Settings(
            listeners=listeners,
            gateways=gateways,
            providers=names,
            trust={each.name: resolver.trust.get(each.name, public) for each in providers},
            proxies=resolver.proxies,
            max_sessions=model.server.max_sessions,
            max_sessions_per_address=model.server.max_sessions_per_address,
            max_openings=model.server.max_openings,
            trusted_proxies=trusted_proxies,
            proxy_protocol=model.server.proxy_protocol,
            tls=tls,
            prices=prices,
            records=records,
            admin=admin,
            limits=limits(model.limits),
            timeouts=timeouts(model.limits),
            gateway_timeouts={
                name: timeouts(limits_of_gateway(model.limits, gateway.limits))
                for name, gateway in model.gateways.items()
            },
        )

    def _problem(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}")

    def _listeners(self) -> Iterator[Listener]:
        for number, text in enumerate(self._model.server.listen):
            listener = read_listener(text, self._folder, tls=self._model.server.tls is not None)
            if listener is None:
                self._problem(
                    f"server.listen[{number}]",
                    "must be HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:PATH",
                )
            else:
                yield listener

    def _prices(self, providers: Mapping[str, Provider]) -> Prices:
        table: dict[str, dict[str, dict[str, Fraction]]] = {}
        for name, models in self._model.prices.items():
            if name not in providers or providers[name].name != name:
                self._problem(f"prices.{name}", "there is no provider of that name")
            for model, prices in models.items():
                read = table.setdefault(name, {}).setdefault(model, {})
                for unit, text in prices.items():
                    try:
                        read[unit] = parse_price(unit, text)
                    except BadPriceError as error:
                        self._problem(f"prices.{name}.{json.dumps(model)}.{unit}", str(error))
        built_in = built_in_prices()
        return Prices("relay.toml", table).over(built_in) if table else built_in

    def _trusted_proxies(self) -> TrustedProxies:
        server = self._model.server
        if server.proxy_protocol and not server.trusted_proxies:
            self._problem("server.proxy_protocol", "needs server.trusted_proxies, which may use it")
        return TrustedProxies(
            networks=tuple(
                ipaddress.ip_network(each) for each in server.trusted_proxies if each != "unix"
            ),
            unix="unix" in server.trusted_proxies,
        )

    def _server_tls(self, listeners: tuple[Listener, ...]) -> ServerTls | None:
        files = self._model.server.tls
        if files is None:
            if any(each.scheme == "https" for each in listeners):
                self._problem("server.tls", "is missing, and a listener is https")
            return None
        return read_tls(files, self._folder, "server.tls", self._problem)

    def _gateway(
        self,
        name: str,
        model: GatewayModel,
        providers: Mapping[str, Provider],
        *,
        exposed: bool,
    ) -> Gateway:
        where = f'gateways."{name}"'
        if model.authentication == "none" and model.stored_keys:
            if exposed and not model.open_stored_keys:
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
                    providers=self._names(
                        f"{where}.tokens[{number}].providers", token.providers, providers
                    ),
                    models=None if token.models is None else tuple(token.models),
                    expires=None if token.expires is None else token.expires.timestamp(),
                    max_sessions=token.max_sessions,
                    openings_per_minute=token.openings_per_minute,
                    metadata=token.metadata,
                )
                for number, token in enumerate(model.tokens)
            ),
            origins=None if model.origins is None else frozenset(model.origins),
            providers=self._names(f"{where}.providers", model.providers, providers),
            models=None if model.models is None else tuple(model.models),
            client_credentials_allowed=model.client_credentials == "allowed",
            stored_key=self._stored_keys(where, model, providers),
            limits=limits(limits_of_gateway(self._model.limits, model.limits)),
            messages_lane=model.lane == "messages",
            compression=model.compression == "passthrough",
            tail_content=model.tail_content,
            max_sessions=model.max_sessions,
            openings_per_minute=model.openings_per_minute,
        )

    def _names(
        self, where: str, names: list[str] | None, providers: Mapping[str, Provider]
    ) -> frozenset[str] | None:
        """Names of providers, aliases resolved."""
        if names is None:
            return None
        found = [self._known(where, name, providers) for name in names]
        return frozenset(each.name for each in found if each is not None)

    def _known(self, where: str, name: str, providers: Mapping[str, Provider]) -> Provider | None:
        provider = providers.get(name)
        if provider is None and name not in self._model.providers:  # else its problem is told there
            self._problem(where, f"there is no provider {name}")
        return provider

    def _stored_keys(
        self, where: str, model: GatewayModel, providers: Mapping[str, Provider]
    ) -> Callable[[str, str], Secret | None]:
        keys: dict[tuple[str, str], FileKey | Secret] = {}
        for name, by_alias in model.stored_keys.items():
            provider = self._known(f"{where}.stored_keys", name, providers)
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
            return key() if isinstance(key, FileKey) else key

        return stored_key
