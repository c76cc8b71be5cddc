"""``[providers.NAME]``: from what a configuration says to providers, or to the problems it has."""

from __future__ import annotations

import re
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from relay.config.model import ConfigModel, ProviderModel
from relay.host_port import host_and_port
from relay.key_source import current_key, read_key
from relay.protocol import CATALOGUE, Kind, Origin, Provider, Proxy, Secret
from relay.tls import client_context

__all__ = ["ProviderResolver"]

_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
_OUR_FIELDS = re.compile(
    r"host|connection|upgrade|content-length|transfer-encoding|te|trailer|"
    r"(sec-websocket|cf-aig|proxy)-.*"
)
_NEVER_FORWARDED = re.compile(  # docs/field-lines.md; for one hop (RFC 9110 7.6.1); of a body
    r"cookie|origin|forwarded|x-forwarded-.*|x-real-ip|via|keep-alive|expect"
)
_CREDENTIAL_FIELDS = {  # of any provider: what is meant for one is no business of another
    slot.name for each in CATALOGUE for slot in each.slots if slot.kind is Kind.FIELD
}


class ProviderResolver:
    """Turns the tables of providers into providers.

    Args:
        model: The configuration.
        folder: What relative paths are relative to.
        problem: Gets what is wrong: the key, and a sentence.
    """

    def __init__(
        self, model: ConfigModel, folder: Path, problem: Callable[[str, str], None]
    ) -> None:
        self._model = model
        self._folder = folder
        self._problem = problem
        self.trust: dict[str, ssl.SSLContext] = {}
        """By name: what verifies the providers with a trust root of their own."""
        self.proxies: dict[str, Proxy] = {}
        """By name: through what those are reached that have a proxy."""

    def providers(self) -> tuple[Provider, ...]:
        """The catalogue, as it was changed, and what is there besides."""
        configured = self._model.providers
        known = {provider.name: provider for provider in CATALOGUE}
        aliases = {alias: each.name for each in CATALOGUE for alias in each.aliases}
        result = [
            self._provider(each, configured[each.name]) if each.name in configured else each
            for each in CATALOGUE
        ]
        for name, entry in configured.items():
            where = f"providers.{name}"
            if name in known:
                if entry.like is not None:
                    self._problem(f"{where}.like", "this provider stands in the catalogue")
            elif name in aliases:
                self._problem(where, f"is an alias: its name is {aliases[name]}")
            elif entry.like is None:
                self._problem(f"{where}.like", "is missing: which provider is it like?")
            elif (like := known.get(aliases.get(entry.like, entry.like))) is None:
                self._problem(f"{where}.like", f"the catalogue has no provider {entry.like}")
            elif entry.url is None and entry.upstreams is None:
                self._problem(f"{where}.url", "is missing")
            else:
                result.append(self._provider(replace(like, name=name, aliases=()), entry))
        return tuple(result)

    def _provider(self, provider: Provider, entry: ProviderModel) -> Provider:
        where = f"providers.{provider.name}"
        provider = self._at_upstreams(provider, entry, where)
        self._read_trust(provider.name, entry, where)
        self._read_proxy(provider.name, entry, where)
        added = self._added_fields(provider, entry, where)
        forwarded = self._forwarded_fields(provider, entry, where)
        return replace(provider, added_fields=added, fields=(*provider.fields, *forwarded))

    def _at_upstreams(self, provider: Provider, entry: ProviderModel, where: str) -> Provider:
        """The provider where ``url`` or ``upstreams`` says that it is."""
        if entry.upstreams is None:
            if entry.failover_on_429:
                self._problem(f"{where}.failover_on_429", "there are no upstreams to go on to")
            urls = {} if entry.url is None else {f"{where}.url": entry.url}
        else:
            if entry.url is not None:
                self._problem(f"{where}.upstreams", "stands beside url: only one of them may")
            urls = {f"{where}.upstreams[{n}]": url for n, url in enumerate(entry.upstreams)}
        result, paths = provider, set()
        origins: list[Origin] = []
        for here, url in urls.items():
            try:
                origin, path = Origin.parse(url)
            except ValueError as error:
                self._problem(here, str(error))
            else:
                if not origins:
                    result = provider.at(url)
                origins.append(origin)
                paths.add(path)
        if len(paths) > 1:
            self._problem(f"{where}.upstreams", "the path must be the same in all of them")
        return replace(
            result, other_origins=tuple(origins[1:]), failover_on_429=entry.failover_on_429
        )

    def _read_trust(self, name: str, entry: ProviderModel, where: str) -> None:
        if entry.ca is None:
            return
        path = self._folder / entry.ca
        try:
            self.trust[name] = client_context(path)
        except ssl.SSLError:
            self._problem(f"{where}.ca", f"{path} holds no certificate")
        except OSError as error:
            self._problem(f"{where}.ca", f"{path}: {error.strerror}")

    def _read_proxy(self, name: str, entry: ProviderModel, where: str) -> None:
        credentials = None
        if entry.proxy_credentials is not None:
            if entry.proxy is None:
                self._problem(f"{where}.proxy_credentials", "there is no proxy they are for")
            try:
                credentials = self._proxy_credentials(entry.proxy_credentials)
            except ValueError as error:
                self._problem(f"{where}.proxy_credentials", str(error))
        if entry.proxy is not None:
            scheme, _, rest = entry.proxy.partition("://")
            address = host_and_port(rest)
            if scheme != "http" or address is None or not address[1]:
                self._problem(f"{where}.proxy", "must be http://HOST:PORT, and nothing else")
            else:
                self.proxies[name] = Proxy(*address, credentials)

    def _proxy_credentials(self, text: str) -> Callable[[], Secret]:
        """Where the credentials are read that a configuration names.

        Raises:
            ValueError: There are none, or they are no ``user:password``.
        """
        inline = self._model.server.allow_inline_secrets
        source = read_key(text, self._folder, inline=inline)
        if b":" not in current_key(source).reveal():
            raise ValueError("must hold user:password")
        return partial(current_key, source)

    def _added_fields(
        self, provider: Provider, entry: ProviderModel, where: str
    ) -> tuple[tuple[bytes, bytes], ...]:
        here = f"{where}.headers"
        for name, value in entry.headers.items():
            if (problem := _problem_of(name, _slots_of(provider))) is not None:
                self._problem(here, problem)
            elif not _FIELD_VALUE.fullmatch(value):
                self._problem(here, f"the value of {name} cannot stand in a field")
        self._tell_repeated(here, list(entry.headers))
        return tuple((k.lower().encode(), v.encode()) for k, v in entry.headers.items())

    def _forwarded_fields(
        self, provider: Provider, entry: ProviderModel, where: str
    ) -> tuple[bytes, ...]:
        here = f"{where}.forward"
        added = {name.lower() for name in entry.headers}
        credentials = _slots_of(provider) | _CREDENTIAL_FIELDS
        for name in entry.forward:
            if (problem := _problem_of(name, credentials)) is not None:
                self._problem(here, problem)
            elif "*" in name:
                self._problem(here, f"{name} is not one name: a wildcard cannot stand here")
            elif _NEVER_FORWARDED.fullmatch(name.lower()):
                self._problem(here, f"{name} never passes to a provider")
            elif name.lower() in added:
                self._problem(here, f"{name} also stands in headers, which would replace it")
        self._tell_repeated(here, entry.forward)
        return tuple(name.lower().encode() for name in entry.forward)

    def _tell_repeated(self, where: str, names: list[str]) -> None:
        for name, count in Counter(name.lower() for name in names).items():
            if count > 1:
                self._problem(where, f"{name} stands there {count} times")


def _slots_of(provider: Provider) -> set[str]:
    """The field lines in which a provider takes its credential."""
    slots = (*provider.slots, provider.stored)
    # Authorization, too, for access tokens: every stored key may be one.
    return {"authorization", *(slot.name for slot in slots if slot.kind is Kind.FIELD)}


def _problem_of(name: str, credentials: set[str]) -> str | None:
    """Why a field line can neither be added nor passed on."""
    if not _FIELD_NAME.fullmatch(name):
        return f"{name!r} is not a field name"
    if _OUR_FIELDS.fullmatch(name.lower()):
        return f"{name} is a field of the relay's own"
    if name.lower() in credentials:
        return f"{name} is for a credential: see stored_keys"
    return None
