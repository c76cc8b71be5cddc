"""From a well-formed configuration to settings that make sense, or to the problems it has."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

from relay.config.admin import admin_settings
from relay.config.gateways import GatewayResolver
from relay.config.limits import limits, limits_of_gateway, timeouts
from relay.config.listeners import read_listener, read_tls
from relay.config.model import ConfigModel
from relay.config.prices import read_prices
from relay.config.providers import ProviderResolver
from relay.protocol import TrustedProxies, by_name
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
        provider_resolver = ProviderResolver(model, self._folder, self._problem)
        providers = provider_resolver.providers()
        names = by_name(providers)
        trusted_proxies = self._trusted_proxies()
        reachable = (*listeners, *self._listening)
        hidden = trusted_proxies == TrustedProxies() and all(each.is_local for each in reachable)
        gateways = GatewayResolver(
            model, self._folder, self._problem, names, exposed=not hidden
        ).gateways()
        prices = read_prices(model.prices, self._problem, names)
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
            trust={each.name: provider_resolver.trust.get(each.name, public) for each in providers},
            proxies=provider_resolver.proxies,
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
