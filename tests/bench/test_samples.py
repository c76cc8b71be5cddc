"""Medians over the runs of a cell."""

from bench.results import Value
from bench.samples import Samples


def test_a_row_has_the_medians_and_what_each_run_gave() -> None:
    samples = Samples()
    for cpu, p99, load in ((12.0, 300.0, 0.4), (10.0, 900.0, 0.8), (11.0, 100.0, 0.6)):
        samples.add("cpu", "us", cpu)
        samples.add("p99", "us", p99)
        samples.add_load(load * 2, 2)
    row = samples.row("rounds", "1 x 1 B", "nginx", tls=True)
    assert row.values == {
        "cpu": Value(11.0, "us", (12.0, 10.0, 11.0)),
        "p99": Value(300.0, "us", (300.0, 900.0, 100.0)),
    }
    assert row.load_cpu == 0.6
    assert (row.group, row.cell, row.peer, row.tls) == ("rounds", "1 x 1 B", "nginx", True)
    assert row.missing is None


def test_a_cell_that_went_wrong_has_no_values() -> None:
    samples = Samples()
    samples.add("cpu", "us", 12.0)
    samples.missing = "it ended"
    row = samples.row("rounds", "1 x 1 B", "nginx", tls=False)
    assert row.values == {}
    assert row.missing == "it ended"
