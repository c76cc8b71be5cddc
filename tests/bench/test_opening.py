"""The acts of an opening, read from a log of the relay."""

import json
from pathlib import Path

import pytest

from bench.load import Latency, OpenResult
from bench.opening import percentile, read_acts, rows
from bench.processes import BenchError

_PLAIN = {
    "head_ms": 0.2,
    "authorise_ms": 0.1,
    "connect_ms": 0.7,
    "upstream_ms": 1,
    "answer_ms": 0.05,
}
_TLS = {"tls_ms": 2.5, "upstream_tls_ms": 1.5, **_PLAIN}


def write_log(folder: Path, *sessions: dict[str, float]) -> Path:
    log = folder / "output.txt"
    lines = ["listening on http://127.0.0.1:8080", json.dumps({"event": "refused", "status": 404})]
    for number, fields in enumerate(sessions):
        session = {"session": str(number), "level": "info"}
        lines.append(json.dumps({"event": "opened", "client": "127.0.0.1", **fields, **session}))
        lines.append(json.dumps({"event": "ended", "by": "client", **session}))
    log.write_text("\n".join(lines) + "\n")
    return log


def opened(sessions: int) -> OpenResult:
    seen = Latency(2100, 2500, 3000, 3000, 3000)
    return OpenResult(sessions, sessions, sessions, 0, 1.0, 1.0, 0.1, 0.1, seen, "")


def test_acts_are_read_in_their_order_and_summed_for_each_session(tmp_path: Path) -> None:
    log = write_log(tmp_path, _PLAIN, {**_PLAIN, "head_ms": 9.2}, {**_PLAIN, "connect_ms": 5.3})
    acts = read_acts(log, tls=False)
    assert acts["head"] == [0.2, 9.2, 0.2]
    assert acts["resolve and connect"] == [0.7, 0.7, 5.3]
    found = {row.cell: row for row in rows(acts, opened(3), tls=False)}
    assert list(found) == [
        *("head", "authorise", "resolve and connect", "the provider's 101", "answer"),
        *("all acts", "seen by the client"),
    ]
    assert (found["head"].values["p50"].value, found["head"].values["p99"].value) == (0.2, 9.2)
    assert found["all acts"].values["p50"].value == pytest.approx(6.65)
    assert found["all acts"].values["p99"].value == pytest.approx(11.05)
    assert found["seen by the client"].values["p50"].value == 2.1
    assert {row.group for row in found.values()} == {"opening"}


def test_with_tls_there_are_two_more_acts(tmp_path: Path) -> None:
    acts = read_acts(write_log(tmp_path, _TLS), tls=True)
    assert acts["the client's TLS"] == [2.5]
    assert acts["the provider's TLS"] == [1.5]
    with pytest.raises(BenchError, match=r"'opened' lack tls_ms, upstream_tls_ms$"):
        read_acts(write_log(tmp_path, _PLAIN), tls=True)


def test_lines_without_the_fields_are_an_error_that_names_them(tmp_path: Path) -> None:
    log = write_log(tmp_path, _PLAIN, {"head_ms": 1, "authorise_ms": 1})
    with pytest.raises(BenchError, match=r"'opened' lack connect_ms, upstream_ms, answer_ms$"):
        read_acts(log, tls=False)


def test_a_log_without_an_opening_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no line 'opened'"):
        read_acts(write_log(tmp_path), tls=False)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
