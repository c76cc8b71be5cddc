"""A law: something that holds for every example that Hypothesis finds, of anything of one kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure

__all__ = ["Law", "law"]

T = TypeVar("T")


@dataclass(frozen=True)
class Law(Generic[T]):
    """A law about a ``T``."""

    name: str
    says: str
    """What holds, in one sentence."""
    source: str
    """The rule that it comes from; where an RFC only allows or recommends it, this says so."""
    body: Callable[..., None] = field(repr=False)
    """Asserts it for one example."""
    strategies: Mapping[str, st.SearchStrategy[Any]] = field(repr=False)
    examples: Sequence[Mapping[str, Any]] = field(repr=False)
    """Tried first, and always; they do not shrink."""
    search: Callable[[T], AbstractContextManager[None]] = field(repr=False)
    """Is around each search."""
    max_examples: int | None = None
    """Fewer than Hypothesis' profile says, where examples are dear."""

    def __str__(self) -> str:
        """Its name, also for pytest's ids."""
        return self.name

    def check(self, subject: T) -> None:
        """Search for an example that breaks it, and shrink that.

        How many examples are tried is up to Hypothesis' settings; its deadline per example does not
        apply, since what is waited for has one of its own.

        Raises:
            AssertionError: There is one. The exception's notes have it, and which law it is; if the
                same example broke it only once, they stand with its cause.
            Exception: Whatever the subject raises, where it is called and may not; with the same
                notes.
        """
        __tracebackhide__ = True
        chosen = settings(
            deadline=None,
            max_examples=min(self.max_examples or 10**9, settings().max_examples),
            suppress_health_check=[HealthCheck.too_slow],
            print_blob=False,
            report_multiple_bugs=False,
            # What only failing examples run is code of the subject's, if of anybody's that counts.
            phases=[phase for phase in settings().phases if phase is not Phase.explain],
        )

        def holds(**drawn: Any) -> None:
            self.body(subject, **drawn)

        holds.__name__ = holds.__qualname__ = self.body.__name__
        with self.search(subject):
            try:
                tried = given(**self.strategies)(holds)
                for each in reversed(self.examples):
                    tried = example(**each)(tried)
                chosen(tried)()
            except FlakyFailure as flaky:
                causes = "; ".join(str(each) for each in flaky.exceptions)
                broken = AssertionError(
                    f"it broke once, and not when the same was tried again, so it depends on "
                    f"timing: {causes}"
                )
                broken.add_note(str(flaky))
                broken.add_note(self._stated())
                raise broken from flaky
            except Exception as error:
                error.add_note(self._stated())
                raise

    def _stated(self) -> str:
        return f"The law {self.name!r}: {self.says}\nIts source: {self.source}"


def law(
    says: str,
    source: str,
    *,
    examples: Sequence[Mapping[str, Any]] = (),
    search: Callable[[Any], AbstractContextManager[None]] = nullcontext,
    max_examples: int | None = None,
    **strategies: st.SearchStrategy[Any],
) -> Callable[[Callable[..., None]], Law[Any]]:
    """Make a law of a function that asserts it, which is given the subject and what is drawn."""

    def make(body: Callable[..., None]) -> Law[Any]:
        name = body.__name__.replace("_", " ")
        return Law(name, says, source, body, strategies, examples, search, max_examples)

    return make
