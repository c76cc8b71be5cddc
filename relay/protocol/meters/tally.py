"""What a meter has counted so far, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

from relay.protocol.usage import Turn, Usage

__all__ = ["MAX_MODELS", "MAX_OPEN_TURNS", "MAX_TURNS", "Tally"]

MAX_MODELS = 16
"""Models of a session that are told apart; the usage of further ones has no model."""
MAX_TURNS = 1000
"""Turns of a session that are kept; further ones are counted only."""
MAX_OPEN_TURNS = 64
"""Turns that may be under way at once; further ones are counted only."""


class Tally:
    """Usage by model, and turns.

    Args:
        clock: The seconds since the session was open; read only when something begins or ends.
        model: Of the session, if the target named it.
    """

    def __init__(self, clock: Callable[[], float], model: str | None = None) -> None:
        self._clock = clock
        self._usage: dict[str | None, Usage] = {}
        self._own = Usage()  # of the session's model
        self._open: dict[str, Turn] = {}
        self.model = model
        """As the target, the client or the provider named it first."""
        self.turns: list[Turn] = []
        self.dropped_turns = 0
        self.dropped_models = 0
        """How often usage of a model was folded into that of none."""
        self.first_audio: float | None = None
        self.awaits_audio = True
        """Whether the session or a turn under way has had no audio."""
        self.unreported = False
        """Whether the provider owes usage that it has not reported."""
        self.on_turn: Callable[[], None] = _nobody
        """Called when a turn begins or ends."""

    def name(self, model: str | None) -> None:
        """Say which model is used, unless that is known."""
        self.model = self.model or model

    def add(self, usage: Usage, model: str | None = None) -> None:
        """Count what was used of a model; without one, of the session's."""
        if not model or model == self.model:
            self._own += usage
            return
        if model not in self._usage and len(self._usage) >= MAX_MODELS:
            self.dropped_models += 1
            self._usage[None] = self._usage.get(None, Usage()) + usage
        else:
            self._usage[model] = self._usage.get(model, Usage()) + usage

    def usage(self) -> tuple[tuple[str | None, Usage], ...]:
        """What was used, by model, without what is zero."""
        whole = dict(self._usage)
        if self._own:
            whole[self.model] = self._own + whole.get(self.model, Usage())
        return tuple((model, usage) for model, usage in whole.items() if usage)

    @property
    def is_open(self) -> bool:
        """Whether a turn is under way."""
        return bool(self._open)

    def begin(self, key: str = "") -> None:
        """A turn begins; nothing, if one of that key is under way."""
        if key in self._open:
            return
        if len(self._open) >= MAX_OPEN_TURNS:
            self.dropped_turns += 1
            return
        turn = self._open[key] = Turn(self._clock())
        self._keep(turn)
        self.awaits_audio = True
        self.on_turn()

    def audio(self, key: str | None = None) -> None:
        """Audio came, of the turn of that key; without one, of the last that began."""
        now = self._clock()
        if self.first_audio is None:
            self.first_audio = now
        turn = self._open.get(self._last_key() if key is None else key)
        if turn is not None and turn.first_audio is None:
            turn.first_audio = now
        self._await_audio()

    def end(
        self,
        key: str | None = None,
        *,
        interrupted: bool = False,
        usage: Usage | None = None,
        model: str | None = None,
    ) -> Turn | None:
        """A turn has ended, and what it used is counted. Without a key it is the one that began
        last; one that was not seen to begin is kept if it used something.

        Returns:
            The turn, if there is one.
        """
        turn = self._open.pop(self._last_key() if key is None else key, None)
        if usage is not None:
            self.add(usage, model)
            if turn is None:
                turn = Turn(self._clock())
                self._keep(turn)
        if turn is not None:
            turn.ended = self._clock()
            turn.interrupted = interrupted
            turn.model = model or self.model
            turn.usage = usage
            self._await_audio()
            self.on_turn()
        return turn

    def _last_key(self) -> str:
        return next(reversed(self._open), "")

    def _keep(self, turn: Turn) -> None:
        if len(self.turns) < MAX_TURNS:
            self.turns.append(turn)
        else:
            self.dropped_turns += 1

    def _await_audio(self) -> None:
        waiting = any(turn.first_audio is None for turn in self._open.values())
        self.awaits_audio = self.first_audio is None or waiting


def _nobody() -> None:
    pass
