"""The figures of one cell of one peer, run by run."""

import statistics
from dataclasses import dataclass, field

from bench.results import Cell, Group, Measure, Row, Unit, Value


@dataclass(slots=True)
class Samples:
    """Collects figures over the runs of a cell, until something goes wrong."""

    missing: str | None = None
    _units: dict[Measure, Unit] = field(default_factory=dict)
    _taken: dict[Measure, list[float]] = field(default_factory=dict)
    _load_cpu: list[float] = field(default_factory=list)

    def add(self, measure: Measure, unit: Unit, value: float) -> None:
        """Adds what one run gave."""
        self._units[measure] = unit
        self._taken.setdefault(measure, []).append(value)

    def add_load(self, cpu: float, seconds: float) -> None:
        """Adds the CPU time that the load generator used in a run of so many seconds."""
        self._load_cpu.append(cpu / seconds)

    def row(self, group: Group, cell: Cell, peer: str, *, tls: bool) -> Row:
        """The medians; no values if something went wrong in one of the runs."""
        values = {
            measure: Value(statistics.median(taken), self._units[measure], tuple(taken))
            for measure, taken in self._taken.items()
        }
        return Row(
            group=group,
            cell=cell,
            tls=tls,
            peer=peer,
            values={} if self.missing else values,
            load_cpu=statistics.median(self._load_cpu) if self._load_cpu else None,
            missing=self.missing,
        )
