"""Records as traces, sent to an OpenTelemetry collector: OTLP over HTTP, as protobuf."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Sequence
from http import HTTPStatus

import h11
from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from relay.key_source import KeySource, current_key
from relay.protocol import BearerToken
from relay.records.collector import Answer, post
from relay.records.session_record import SessionRecord
from relay.records.settings import OtlpSettings
from relay.records.spans import spans
from relay.records.writer import RejectedError, SinkError
from relay.tls import client_context

__all__ = ["Otlp"]

_AT_ONCE = 1000  # spans in a request: some hundred KiB
_TIMEOUT = 10.0  # seconds, as the specification of the exporters has it
# The request is at fault, not the collector or the credential: it would be so again.
_NEVER = {400, 413, 422}


class Otlp:
    """Sends spans.

    Args:
        settings: Where to, and with which field lines.
    """

    name = "otlp"

    def __init__(self, settings: OtlpSettings) -> None:
        self._settings = settings
        self._tls = client_context() if settings.collector.tls else None

    def write(self, records: Sequence[SessionRecord]) -> None:
        """Send them, each as a trace.

        Raises:
            RejectedError: The collector took all but some of which it will never take.
            SinkError: It did not take all of them; what it has it will get again, with equal ids.
            Exception: One of them cannot be encoded; what the collector has comes again, likewise.
        """
        rejected, why = 0, ""
        waiting = itertools.chain.from_iterable(map(spans, records))
        while some := list(itertools.islice(waiting, _AT_ONCE)):
            lost, sentence = self._send(some)
            rejected, why = rejected + lost, why or sentence
        if why:
            raise RejectedError(why, rejected)

    def close(self) -> None:
        """Nothing is held open."""

    def _send(self, some: list[ReadableSpan]) -> tuple[int, str]:
        """Send spans; return how many sessions are rejected, and why something is.

        Raises:
            SinkError: They have to be sent again.
        """
        sessions = sum(span.kind is SpanKind.SERVER for span in some)
        answer = self._post(encode_spans(some).SerializeToString())
        if answer.status in _NEVER:
            return sessions, f"the collector rejects them with {_named(answer.status)}"
        if not 200 <= answer.status < 300:
            raise SinkError(f"the collector answers {_named(answer.status)}")
        try:
            rejected = ExportTraceServiceResponse.FromString(answer.body).partial_success
        except DecodeError:  # it took them, whatever it says
            return 0, ""
        if not rejected.rejected_spans:
            return 0, ""
        sentence = f"the collector rejects {rejected.rejected_spans} of {len(some)} spans"
        return min(rejected.rejected_spans, sessions), sentence

    def _post(self, body: bytes) -> Answer:
        fields = [(b"content-type", b"application/x-protobuf")]
        for name, source in self._settings.headers.items():
            fields.append((name.encode(), _value(source)))
        try:
            return post(self._settings.collector, fields, body, self._tls, _TIMEOUT)
        except TimeoutError:
            raise SinkError(f"the collector took more than {_TIMEOUT:.0f} s") from None
        except ssl.SSLCertVerificationError as error:
            raise SinkError(f"the collector is not verified: {error.verify_message}") from None
        except OSError as error:
            raise SinkError(f"the collector: {error.strerror or type(error).__name__}") from None
        except h11.RemoteProtocolError:  # its words can hold bytes of the collector
            raise SinkError("the collector does not speak HTTP/1.1") from None
        except (h11.LocalProtocolError, UnicodeError):  # no host name, no path: no record's fault
            raise SinkError("the URL of the collector makes no request") from None


def _value(source: KeySource) -> bytes:
    key = current_key(source)
    return b"Bearer " + key.reveal() if isinstance(key, BearerToken) else key.reveal()


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
