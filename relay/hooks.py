"""What a Python program decides for the relay that it runs.

Everything that the configuration demands holds first, and after: a hook can refuse what it allows,
and choose among what it allows, and no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import iscoroutinefunction

import trio

from relay.protocol import Identity, Opening, Policy, Refused, Secret
from relay.protocol.fields import FieldLines
from relay.protocol.metadata import is_metadata
from relay.records.session_record import SessionRecord

__all__ = ["Asked", "Granted", "Hooks", "as_granted", "asked_for"]

_TIMEOUT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """A session that a client asks for, as a program sees it."""

    id: str
    """The session's, which the client gets as ``cf-aig-log-id``."""
    gateway: str
    token: str | None
    """The name of the gateway token; None where the gateway asks for none."""
    provider: str
    """As the target names it: a provider, or any other name that :class:`Granted` replaces."""
    path: str
    """What follows it: the native path, beginning with a slash, or nothing."""
    client_address: str
    metadata: Mapping[str, str | int | float | bool]
    """The client's, and that of its gateway token."""
    gateway_token: Secret | None
    """The gateway token that the client sent, if any: where the gateway asks for none, a program
    can look at it itself."""
    fields: FieldLines = field(repr=False)
    """The client's field lines, credentials among them: not to be logged."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a program grants a session."""

    provider: str | None = None
    """The name or alias of another provider of the settings; None for the one that was asked for.
    What the gateway and the token allow holds for it, too, and a client that brings a provider
    credential of its own is refused: it is for another provider."""
    key: Secret | None = None
    """The credential for the provider, in place of a stored one; it goes where that would. A client
    that brings its own keeps it."""
    policies: Sequence[Policy] = ()
    """What messages of the client have to pass; if there are any, in the message lane."""
    provider_policies: Sequence[Policy] = ()
    """The same for those of the provider."""
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """For the session's record, over that of the client and of its token. What holds for theirs
    holds for it: names and texts have at most 256 characters that can be printed, no name begins
    with ``cf.``, whole numbers fit into 64 bits with a sign, others are finite."""

    def __post_init__(self) -> None:
        """See that every place where records go can take the metadata.

        Raises:
            ValueError: It cannot be metadata; the sentence names the entry, and not its value.
        """
        for name, value in self.metadata.items():
            if not is_metadata(name, value):
                raise ValueError(f"{name!r} cannot be an entry of metadata")


@dataclass(frozen=True, slots=True)
class Hooks:
    """What to ask a program, and what to tell it."""

    authorise: Callable[[Asked], Awaitable[Granted]] | None = None
    """Asked once the client has authenticated, before the provider is dialled. It may take its
    time, and is cancelled when the client goes away. It raises :class:`relay.protocol.Refused` to
    refuse; whatever else it raises is a fault, for which the client gets 500, and so is whatever
    else it returns."""
    timeout: float = _TIMEOUT
    """Seconds that it may take: then the client gets 503."""
    ended: Callable[[SessionRecord], None] | None = None
    """Told the record of each session that has ended, and of each that never opened after its
    client had authenticated. It is called between sessions' messages, so it must not block, nor
    change the record; what it raises is logged."""

    def __post_init__(self) -> None:
        """See that ``ended`` can be called.

        Raises:
            TypeError: It is an async function, which nobody would wait for.
        """
        if iscoroutinefunction(self.ended):
            raise TypeError("ended is called and not awaited: it may be no async function")

    async def ask(self, asked: Asked) -> Granted:
        """What is granted.

        Raises:
            Refused: By the program, or 503 if it takes too long.
            TypeError: It returned something else.
        """
        if self.authorise is None:
            return Granted()
        with trio.move_on_after(self.timeout):
            granted = await self.authorise(asked)
            if not isinstance(granted, Granted):  # a forgotten return: None would grant nothing
                raise TypeError("authorise returned no Granted")
            return granted
        raise Refused(
            503,
            2102,
            "the authorisation takes too long",
            fields=(("Retry-After", "1"),),
            proxy_error="proxy_internal_response",
        )


def asked_for(opening: Opening, record: SessionRecord) -> Asked:
    """What a program is asked of an opening.

    Args:
        opening: What the client asks for.
        record: What is known of it until now.
    """
    return Asked(
        id=record.id,
        gateway=record.gateway,
        token=record.token,
        provider=opening.target.provider,
        path=opening.target.tail,
        client_address=record.client_address,
        metadata=record.metadata,
        gateway_token=opening.credentials.gateway_token,
        fields=opening.fields,
    )


def as_granted(opening: Opening, identity: Identity, granted: Granted) -> tuple[Opening, Identity]:
    """An opening and its client as a program wants them to go on.

    Raises:
        Refused: 403 if another provider would get the credential that the client brings.
    """
    if granted.provider not in {None, opening.target.provider}:
        if opening.credentials.own:
            raise Refused(403, 2010, "the provider is chosen here: bring no credential for it")
        opening = replace(opening, target=replace(opening.target, provider=granted.provider))
    if granted.key is not None:
        gateway = replace(identity.gateway, stored_key=lambda *_: granted.key)
        identity = Identity(gateway, identity.token)
    return opening, identity
