"""Models in messages: a check of what a client's messages name.

Where neither the query nor the path names the model, a client that is limited to some has to name
one of them in its first message, before anything reaches the provider, and no other one later.
"""

from __future__ import annotations

from collections.abc import Sequence

from relay.protocol.endpoints import MessageModel
from relay.protocol.errors import RemoteProtocolError
from relay.protocol.json_pairs import read_pairs
from relay.protocol.messages import Policy
from relay.protocol.routing import fits

__all__ = ["model_filter"]


def model_filter(
    where: Sequence[MessageModel], scopes: Sequence[tuple[str, ...]], *, audio: bool
) -> Policy:
    """A policy for one session, that ends it with 1008 when a message names another model.

    Names are compared in any case and at every place where they stand, since parsers differ in
    which of two equal members they take.

    Args:
        where: Where messages name the model; the first message has to at the first of these.
        scopes: Patterns; a model has to fit one of each.
        audio: Whether binary messages are audio. If not, they have to be JSON objects like text.

    Raises:
        RemoteProtocolError: The policy does, for a first message without a model, for what is no
            JSON object, and for a model that is not allowed.
    """
    paths = [(each.member.casefold().split("."), each.required_in) for each in where]
    named = False

    def policy(message: str | bytes) -> tuple[str | bytes, ...]:
        nonlocal named
        if named and audio and isinstance(message, bytes):
            return (message,)
        pairs = read_pairs(message)
        if pairs is None:
            raise _violation("a message that has to name the model, or may, is no JSON object")
        kinds = list(pairs.find(["type"]))
        for number, (path, required_in) in enumerate(paths):
            models = list(pairs.find(path))
            for model in models:
                if not isinstance(model, str) or not all(fits(model, scope) for scope in scopes):
                    raise _violation("this model is not allowed")
            if models and number == 0:
                named = True
            if not models and required_in and required_in in kinds:
                raise _violation("this message has to name its model")
        if not named:
            raise _violation("the first message has to name the model")
        return (message,)

    return policy


def _violation(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(why, close_code_hint=1008)
