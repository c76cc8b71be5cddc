"""``[limits]``, and those of a gateway: its bounds and deadlines, by the keys that they have."""

from __future__ import annotations

from dataclasses import fields

from relay.config.model import GatewayLimitsModel, LimitsModel
from relay.protocol import Limits, Timeouts

__all__ = ["key_of", "limits", "limits_of_gateway", "timeouts"]


def limits(model: LimitsModel) -> Limits:
    """The bounds of what a peer may send."""
    return Limits(
        max_head_size=model.max_head_size,
        max_message_size=model.max_message_size,
        max_fragments=model.max_fragments,
    )


def timeouts(model: LimitsModel) -> Timeouts:
    """The deadlines."""
    names = (each.name for each in fields(Timeouts))
    return Timeouts(**{name: getattr(model, key_of(name)) for name in names})


def key_of(timeout: str) -> str:
    """The key by which the file has a member of :class:`relay.protocol.Timeouts`."""
    return timeout if timeout in LimitsModel.model_fields else f"{timeout}_timeout"


def limits_of_gateway(common: LimitsModel, own: GatewayLimitsModel) -> LimitsModel:
    """What holds for a gateway: what it names itself, and the rest as for all."""
    return common.model_copy(update=own.model_dump(exclude_none=True))
