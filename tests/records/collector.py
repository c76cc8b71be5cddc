"""A collector of traces: HTTP on loopback, in a thread."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["Collector", "collector", "rejecting", "values"]


class Collector:
    """What it got, and what it answers."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[ExportTraceServiceRequest] = []
        self.fields: list[dict[str, str]] = []
        """Of each request, the names in lower case."""
        self.targets: list[str] = []
        self.answers: list[tuple[int, bytes] | Callable[[BaseHTTPRequestHandler], None]] = []
        """The next ones; 200 when there are none."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/traces"

    @property
    def spans(self) -> list[Span]:
        """All spans, in their order."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collector(tls: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """Run one."""
    it = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.targets.append(self.path)
            it.fields.append({name.lower(): value for name, value in self.headers.items()})
            answer = it.answers.pop(0) if it.answers else (200, b"")
            if callable(answer):
                answer(self)
                return
            status, said = answer
            if status == 200:
                it.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that does not trust it

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        it.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()


def rejecting(count: int) -> bytes:
    """The body of an answer that takes all but so many spans."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    answer.partial_success.error_message = "what it says"
    return bytes(answer.SerializeToString())


def values(attributes: Any) -> dict[str, object]:
    """Attributes by name."""
    found: dict[str, object] = {}
    for each in attributes:
        assert isinstance(each, KeyValue)
        assert each.key not in found
        found[each.key] = _value(each.value)
    return found


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    assert kind in {"string_value", "bool_value", "int_value", "double_value"}
    return getattr(value, kind)
