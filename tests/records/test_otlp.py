"""Tests of relay.records.otlp and relay.records.collector, against a collector."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from relay.key_source import FileKey, KeySource
from relay.protocol import BearerToken, Secret
from relay.records import collector as collector_module
from relay.records import otlp as otlp_module
from relay.records.ledger import Ledger
from relay.records.otlp import Otlp
from relay.records.settings import Collector as Where
from relay.records.settings import OtlpSettings, RecordSettings
from relay.records.writer import RejectedError, SinkError
from relay.tls import client_context
from tests.certificates import authority, server_context
from tests.config.files import unused_port
from tests.records.collector import Collector, collector, rejecting
from tests.records.samples import a_record

KEY = "not-to-be-seen"


@pytest.fixture(name="its")
def a_collector() -> Iterator[Collector]:
    with collector() as its:
        yield its


def settings(its: Collector | int, **headers: KeySource) -> OtlpSettings:
    port = its if isinstance(its, int) else its.port
    where = Where(False, "127.0.0.1", port, f"127.0.0.1:{port}", "/v1/traces")
    return OtlpSettings(where, headers)


def test_a_record_is_sent_as_a_trace(its: Collector) -> None:
    record = a_record()
    sink = Otlp(settings(its))
    sink.write([record])
    sink.close()
    assert its.targets == ["/v1/traces"]
    (fields,) = its.fields
    assert fields["content-type"] == "application/x-protobuf"
    assert fields["host"] == f"127.0.0.1:{its.port}"
    assert [span.name for span in its.spans] == [
        "realtime gpt-realtime",
        *("generate_content gpt-realtime",) * 2,
    ]
    assert {span.trace_id.hex() for span in its.spans} == {record.id.replace("-", "")}


def test_many_spans_are_several_requests(its: Collector) -> None:
    Otlp(settings(its)).write([a_record() for _ in range(500)])
    assert len(its.requests) == 2
    assert len({span.span_id for span in its.spans}) == 1500


def test_what_is_sent_again_has_the_same_ids(its: Collector) -> None:
    sink, record = Otlp(settings(its)), a_record()
    sink.write([record])
    sink.write([record])
    assert its.requests[0] == its.requests[1]


def test_field_lines_and_what_is_secret_in_them(its: Collector, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("first")
    headers: dict[str, KeySource] = {
        "authorization": BearerToken(KEY.encode()),
        "x-tenant": FileKey(tmp_path / "key"),
        "x-basic": Secret(b"Basic a b"),
    }
    mine = settings(its, **headers)
    sink = Otlp(mine)
    sink.write([a_record()])
    (tmp_path / "key").write_text("another")
    sink.write([a_record()])
    assert [each["x-tenant"] for each in its.fields] == ["first", "another"]
    assert its.fields[0]["authorization"] == f"Bearer {KEY}"
    assert its.fields[0]["x-basic"] == "Basic a b"
    assert KEY not in repr(mine)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (302, "302 Found"),
        (401, "401 Unauthorized"),
        (404, "404 Not Found"),
        (429, "429 Too Many Requests"),
        (503, "503 Service Unavailable"),
        (599, "599"),
    ],
)
def test_what_a_collector_did_not_take_comes_again(its: Collector, status: int, says: str) -> None:
    its.answers = [(status, KEY.encode())]
    sink = Otlp(settings(its, authorization=Secret(KEY.encode())))
    with pytest.raises(SinkError) as caught:
        sink.write([a_record()])
    assert not isinstance(caught.value, RejectedError)
    assert str(caught.value) == f"the collector answers {says}"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_a_collector_will_never_take_does_not(its: Collector, status: int) -> None:
    its.answers = [(status, b""), (200, b"")]
    with pytest.raises(RejectedError, match=f"the collector rejects them with {status} ") as caught:
        Otlp(settings(its)).write([a_record() for _ in range(500)])
    assert 0 < caught.value.lost < 500
    assert len(its.requests) == 1  # the others went


def test_a_collector_can_take_a_part(its: Collector) -> None:
    its.answers = [(200, rejecting(1)), (200, rejecting(0)), (200, b"\xff no protobuf")]
    sink = Otlp(settings(its))
    with pytest.raises(RejectedError, match=r"^the collector rejects 1 of 3 spans$") as caught:
        sink.write([a_record()])
    assert caught.value.lost == 1
    sink.write([a_record()])
    sink.write([a_record()])


def test_a_collector_that_is_gone() -> None:
    with pytest.raises(SinkError, match=r"^the collector: Connection refused$"):
        Otlp(settings(unused_port())).write([a_record()])


def test_something_that_is_no_collector(its: Collector) -> None:
    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")

    its.answers = [talk]
    with pytest.raises(SinkError, match=r"^the collector does not speak HTTP/1\.1$"):
        Otlp(settings(its)).write([a_record()])


def test_an_answer_without_an_end(its: Collector) -> None:
    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 503 Busy\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 99_999
        )

    its.answers = [talk]
    with pytest.raises(SinkError, match="503"):
        Otlp(settings(its)).write([a_record()])


@pytest.mark.parametrize("path", ["/ü", "/a b"])
def test_a_collector_that_no_request_reaches_is_no_fault_of_the_records(
    its: Collector, path: str
) -> None:
    where = Where(False, "127.0.0.1", its.port, "collector", path)
    with pytest.raises(SinkError, match="the URL of the collector makes no request"):
        Otlp(OtlpSettings(where)).write([a_record()])


def test_a_collector_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_module, "_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(SinkError, match=r"^the collector took more than 0 s$"):
            Otlp(settings(port)).write([a_record()])


def test_a_collector_that_trickles_has_one_deadline(
    its: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0, 0, 9, 10])  # the request, its sending, the first read, the second
    monkeypatch.setattr(
        collector_module, "time", SimpleNamespace(monotonic=lambda: float(next(moments)))
    )

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        handler.rfile.read(1)  # until the other side is gone

    its.answers = [trickle]
    with pytest.raises(SinkError, match=r"^the collector took more than 10 s$"):
        Otlp(settings(its)).write([a_record()])
    assert next(moments, None) is None


def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector(server_context("127.0.0.1")) as its:
        mine = settings(its)
        mine = replace(mine, collector=replace(mine.collector, tls=True))
        with pytest.raises(SinkError, match=r"^the collector is not verified: "):
            Otlp(mine).write([a_record()])
        trusting = client_context()
        authority().configure_trust(trusting)
        monkeypatch.setattr(otlp_module, "client_context", lambda: trusting)
        Otlp(mine).write([a_record()])
        assert len(its.spans) == 3


def test_the_environment_changes_nothing(its: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, record = Otlp(settings(its)), a_record()
    sink.write([record])
    elsewhere = f"http://127.0.0.1:{unused_port()}"
    for name, value in (
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", elsewhere),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", elsewhere),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=of-somebody-else"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b"),
        ("OTEL_SERVICE_NAME", "another"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("http_proxy", elsewhere),
    ):
        monkeypatch.setenv(name, value)
    Otlp(settings(its)).write([record])
    assert its.requests[0] == its.requests[1]
    assert its.fields[0] == its.fields[1]


def test_a_ledger_sends_again_what_failed(its: Collector) -> None:
    its.answers = [(503, b""), (503, b"")]
    ledger = Ledger(RecordSettings(None, otlp=settings(its, authorization=Secret(KEY.encode()))))
    (writer,) = ledger.writers
    record = a_record()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ledger.run)
            ledger.add(record)
            while writer.waiting:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    with capture_logs() as lines:
        trio.run(main, clock=trio.testing.MockClock(rate=1000))
    assert (writer.name, writer.written, writer.lost) == ("otlp", 1, 0)
    assert len(its.fields) == 3
    assert lines[0]["error"] == "the collector answers 503 Service Unavailable"
    assert KEY not in str(lines)


def test_nothing_of_it_is_loaded_without_need() -> None:
    code = "import sys, relay.cli, relay.records.ledger; print('opentelemetry' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert found.stdout.strip() == b"False"
