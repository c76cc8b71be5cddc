"""The meter of one session, and the two taps that feed it: all that a driver needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from relay.protocol.compression import PermessageDeflate
from relay.protocol.endpoints import Endpoint
from relay.protocol.meters.catalogue import meter_for
from relay.protocol.meters.inflater import Inflater
from relay.protocol.meters.reading import checked_name
from relay.protocol.meters.tally import Tally
from relay.protocol.meters.tap import Tap, TotalsTap
from relay.protocol.usage import Turn, Usage

__all__ = ["SessionMeter", "model_of"]


class SessionMeter:
    """What is counted of one session.

    Give ``inbound`` and ``outbound`` to the pipes as their observers, and call :meth:`finish` once
    both have ended; all else can be read at any time.

    Args:
        endpoint: What was opened.
        clock: The seconds since the session was open; read only when something begins or ends.
        model: As the path names it.
        query: Of the request, as the provider got it.
        compression: What the provider accepted, if anything.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float],
        model: str | None = None,
        query: bytes | None = None,
        compression: PermessageDeflate | None = None,
    ) -> None:
        parameters = _parameters(query)
        model = model or model_of(endpoint, query)
        self._tally = Tally(clock, model)
        self._failed = False
        self.inbound: TotalsTap = TotalsTap(clock)
        """Observes what the client sends."""
        self.outbound: TotalsTap = TotalsTap(clock)
        """Observes what the provider sends."""
        found = meter_for(endpoint, model)
        self._meter = meter = found(self._tally, parameters) if found else None
        if meter is None:
            return
        if meter.client is not None:
            inflater = _inflater(compression, "client_no_context_takeover")
            self.inbound = Tap(meter, meter.client, clock, inbound=True, inflater=inflater)
        if meter.provider is not None:
            inflater = _inflater(compression, "server_no_context_takeover")
            self.outbound = Tap(meter, meter.provider, clock, inbound=False, inflater=inflater)
            self._tally.on_turn = self.outbound.attend

    def finish(self, now: float) -> None:
        """Count what is counted at the end. Never raises.

        Args:
            now: The seconds since the session was open.
        """
        if self._meter is not None:
            try:
                self._meter.finish(now, self.inbound.heard)
            except Exception:  # noqa: BLE001 - as in a pipe: a meter ends no session
                self._failed = True

    @property
    def usage(self) -> tuple[tuple[str | None, Usage], ...] | None:
        """By model; None where it is not known, and :attr:`missing` says why."""
        return None if self.missing else self._tally.usage()

    @property
    def missing(self) -> str | None:
        """Why there is no usage: ``not metered``, ``compressed``, ``failed``, ``not reported``."""
        if self._meter is None or not self._meter.counts:
            return "not metered"
        failures = {self.inbound.failure, self.outbound.failure}
        if self._failed or "failed" in failures or self.outbound.unread:
            return "failed"
        if "compressed" in failures:
            return "compressed"
        return "not reported" if self._tally.unreported else None

    @property
    def owes(self) -> bool:
        """Whether a response was cut short whose usage the provider would have stated at its end:
        then there was more than :attr:`usage` says."""
        meter = self._meter
        return meter is not None and meter.states_turns and self._tally.is_open

    @property
    def turns(self) -> list[Turn]:
        """The responses of the provider, in the order in which they began; the first thousand."""
        return self._tally.turns

    @property
    def dropped_turns(self) -> int:
        """How many more there were."""
        return self._tally.dropped_turns

    @property
    def dropped_models(self) -> int:
        """How often usage is without a model because there were too many."""
        return self._tally.dropped_models

    @property
    def unread(self) -> int:
        """Messages of the client that were to be read and were too large."""
        return self.inbound.unread

    @property
    def model(self) -> str | None:
        """As the target, the client or the provider named it first."""
        return self._tally.model

    @property
    def first_message(self) -> float | None:
        """When the provider's first message was whole."""
        return self.outbound.first_message

    @property
    def first_audio(self) -> float | None:
        """When the provider's first audio was whole."""
        return self._tally.first_audio

    @property
    def talking(self) -> bool | None:
        """Whether a response is running; None where no message tells when one ends."""
        if self._meter is None or not self._meter.ends_turns or self.outbound.failure:
            return None
        return self._tally.is_open


def model_of(endpoint: Endpoint, query: bytes | None) -> str | None:
    """The model that a query names, if the endpoint has it there."""
    return checked_name(_parameters(query).get(endpoint.model or "", ""))


def _parameters(query: bytes | None) -> Mapping[str, str]:
    """The parameters of a query; of equal names the first."""
    pairs = parse_qsl((query or b"").decode("latin-1"), keep_blank_values=True)
    return dict(reversed(pairs))


def _inflater(compression: PermessageDeflate | None, no_takeover: str) -> Inflater | None:
    if compression is None:
        return None
    return Inflater(takeover=no_takeover not in dict(compression.parameters))
