"""The ways in which an open session ends unhappily, and what its record has to say of each."""

from __future__ import annotations

from dataclasses import dataclass

from relay.protocol.frames import TEXT
from relay.records.session_record import Outcome
from relay.testing.frames import Frame
from tests.e2e.records.acts import (
    Act,
    ask,
    be_cut,
    be_drained,
    be_ended,
    be_restarted,
    break_off,
    close,
    leave,
    listen,
    read_nothing,
    send_on,
    sends,
)

__all__ = ["ENDINGS", "Row"]

Close = tuple[int, str] | None

TARGETS = {
    "openai": "?model=gpt-realtime",
    "azure-openai": "?model=deployment",
    "google": "",
    "hume": "",
    "xai": "?model=grok-voice",
    "inworld": "?key=voice-1&protocol=realtime",
    "elevenlabs": "?agent_id=mine",
    "deepgram": "/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000",
}
GOING_AWAY = (1001, "going away")
LOST = (1011, "upstream connection lost")
VIOLATED = (1011, "upstream protocol error")
AND_LOST = ", and the client was told 1011 upstream connection lost"
AND_VIOLATED = ", and the client was told 1011 upstream protocol error"


@dataclass(frozen=True)
class Row:
    """One ending."""

    name: str
    act: Act
    cause: str
    by: str
    sentence: str
    """How it is explained; ``T`` stands for the time."""
    provider: str = "openai"
    fault: str = ""
    limits: str = ""
    gateway: str = ""
    outcome: Outcome = Outcome.BROKEN
    client_close: Close = None
    client_told: Close = None
    provider_close: Close = None
    provider_told: Close = None
    error: str | None = None
    lane: str = "verbatim"
    owes: bool | None = False
    """Whether the usage of a response was not stated any more; None if it may have been."""
    stalls: str = ""
    """The side that took nothing."""
    counts: bool = True
    """Whether all that was sent was also accepted."""

    def __str__(self) -> str:
        return self.name

    @property
    def target(self) -> str:
        """What follows the provider in the client's target."""
        return TARGETS[self.provider]


_BRIEF = 'write_timeout = "300ms"'
_MESSAGES = 'lane = "messages"'

ENDINGS = (
    Row(
        *("client ends the connection", leave, "vanished", "client"),
        "the client vanished without a Close after T",
        provider_told=GOING_AWAY,
        counts=False,  # the double says more than is still carried
        owes=None,
    ),
    Row(
        *("client resets", break_off, "vanished", "client"),
        "the client vanished without a Close after T, WORDS",
        error="by a reset",
        provider="xai",
        provider_told=GOING_AWAY,
        counts=False,  # a reset takes with it what was not read
        owes=None,
    ),
    Row(
        *("client sends too much", sends(Frame(TEXT, b" " * 2000)), "violation", "client"),
        "the client broke a limit of the relay after T (message too big) and was told 1009",
        provider="inworld",
        limits='max_message_size = "1KiB"',
        client_told=(1009, "message too big"),
        provider_told=GOING_AWAY,
        error="message too big",
        counts=False,
    ),
    Row(
        *("client does not mask", sends(Frame(TEXT, b"{}"), masked=False), "violation", "client"),
        "the client broke the protocol after T (WORDS) and was told 1002",
        provider="azure-openai",
        client_told=(1002, "WORDS"),
        provider_told=GOING_AWAY,
        error="WORDS",
        counts=False,
    ),
    Row(
        *("provider drops", listen, "vanished", "provider"),
        f"the provider vanished without a Close after T{AND_LOST}",
        provider="hume",
        fault="drop",
        client_told=LOST,
    ),
    Row(
        *("provider drops in a response", ask, "vanished", "provider"),
        f"the provider vanished without a Close after T{AND_LOST}",
        provider="inworld",
        fault="drop:after=12",
        client_told=LOST,
        owes=True,
    ),
    Row(
        *("provider vanishes", listen, "vanished", "provider"),
        "the provider vanished without a Close after T, WORDS, and the client got no Close",
        error="in the middle of a frame",
        provider="elevenlabs",
        fault="vanish",
    ),
    Row(
        *("provider resets", listen, "vanished", "provider"),
        "the provider vanished without a Close after T, WORDS, and the client got no Close",
        error="by a reset in the middle of a frame",
        provider="deepgram",
        fault="reset",
    ),
    Row(
        *("provider sends too much", listen, "violation", "provider"),
        f"the provider broke a limit of the relay after T (message too big){AND_VIOLATED}",
        fault="oversize:2KiB",
        limits='max_message_size = "2000B"',
        provider="deepgram",
        client_told=VIOLATED,
        provider_told=(1009, "message too big"),
        error="message too big",
        counts=False,
    ),
    Row(
        *("provider masks", listen, "violation", "provider"),
        f"the provider broke the protocol after T (WORDS){AND_VIOLATED}",
        fault="mask",
        client_told=VIOLATED,
        provider_told=(1002, "WORDS"),
        error="WORDS",
        counts=False,
    ),
    Row(
        *("provider's text is none", listen, "violation", "provider"),
        f"the provider broke the protocol after T (WORDS){AND_VIOLATED}",
        fault="utf8",
        gateway=_MESSAGES,
        lane="messages",
        client_told=VIOLATED,
        provider_told=(1007, "WORDS"),
        error="WORDS",
        counts=False,
    ),
    Row(
        *("provider closes", listen, "closed", "provider"),
        "the provider closed with 3000 insufficient_quota after T",
        fault="close:3000 insufficient_quota",
        outcome=Outcome.COMPLETED,
        client_told=(3000, "insufficient_quota"),
        provider_close=(3000, "insufficient_quota"),
        provider_told=(3000, "insufficient_quota"),  # which the client did not live to say
    ),
    Row(
        *("provider closes with nothing", listen, "closed", "provider"),
        "the provider closed without a code after T",
        fault="close",
        outcome=Outcome.COMPLETED,
        client_told=(1005, ""),
        provider_close=(1005, ""),
        provider_told=(1005, ""),
    ),
    Row(
        *("provider is slow", close, "closed", "client"),
        "the client closed with 3001 bye after T",
        fault="slow:bytes=64,every=1ms",
        outcome=Outcome.COMPLETED,
        client_close=(3001, "bye"),
        client_told=(3001, "bye"),
        provider_close=(3001, "bye"),
        provider_told=(3001, "bye"),
        counts=False,  # a Close overtakes what the double has not sent yet
    ),
    Row(
        *("idle", listen, "idle timeout", "relay"),
        "the relay ended it after T because no byte came from either side for T, "
        "the last from the provider",
        fault="stall",
        limits='idle_timeout = "200ms"\nclose_timeout = "100ms"',
        outcome=Outcome.ENDED,
        client_told=(1001, "idle timeout"),
        provider_told=(1001, "idle timeout"),
    ),
    Row(
        *("provider does not answer a Close", close, "close timeout", "client"),
        "the client closed with 3001 bye after T, and the provider did not answer",
        fault="stall",
        limits='close_timeout = "100ms"',
        client_close=(3001, "bye"),
        provider_told=(3001, "bye"),
    ),
    Row(
        *("provider takes nothing", send_on, "upstream stalled", "provider"),
        "the provider took nothing for T, so the relay ended it after T, and the client was told "
        "1011 upstream stalled",
        fault="stall",
        limits=_BRIEF,
        client_told=(1011, "upstream stalled"),
        stalls="provider",
        counts=False,
    ),
    Row(
        *("client takes nothing", read_nothing, "client stalled", "client"),
        "the client took nothing for T, so the relay ended it after T",
        fault="oversize:24MiB",
        limits=_BRIEF,
        provider_told=(1001, "client stalled"),
        stalls="client",
        counts=False,
    ),
    Row(
        *("client answers no Ping", read_nothing, "client silent", "client"),
        "the client fell silent and answered no Ping, so the relay ended it after T",
        limits='ping_interval = "100ms"\nping_timeout = "100ms"',
        provider_told=GOING_AWAY,
        counts=False,  # Pongs that answer the relay are not carried
    ),
    Row(
        *("provider answers no Ping", listen, "upstream silent", "provider"),
        f"the provider fell silent and answered no Ping, so the relay ended it after T{AND_LOST}",
        fault="stall",
        limits='ping_interval = "100ms"\nping_timeout = "100ms"',
        client_told=LOST,
        counts=False,
    ),
    Row(
        *("too long", listen, "policy", "relay"),
        "the relay ended it after T: maximum duration reached",
        limits='max_duration = "200ms"',
        outcome=Outcome.ENDED,
        client_told=(1008, "maximum duration reached"),
        provider_told=GOING_AWAY,
        error="maximum duration reached",
    ),
    Row(
        *("an operator", be_ended, "operator", "relay"),
        "the operator ended it after T: ended by an operator",
        outcome=Outcome.ENDED,
        client_told=(1008, "ended by an operator"),
        provider_told=GOING_AWAY,
        error="ended by an operator",
    ),
    Row(
        *("drained", be_drained, "draining", "relay"),
        "the relay ended it after T because it was told to stop",
        outcome=Outcome.ENDED,
        client_told=GOING_AWAY,
        provider_told=GOING_AWAY,
    ),
    Row(
        *("restarted", be_restarted, "restarting", "relay"),
        "the relay ended it after T because it was told to restart",
        outcome=Outcome.ENDED,
        client_told=(1012, "service restart"),
        provider_told=GOING_AWAY,
    ),
    Row(
        *("cut at the end of a drain", be_cut, "draining", "relay"),
        "the relay ended it after T because it was told to stop",
        fault="oversize:24MiB",
        limits='drain_timeout = "200ms"',
        outcome=Outcome.ENDED,
        stalls="client",
        counts=False,
    ),
)
