"""OpenTelemetry: a span for each call, within it one for each stage, sent by OTLP over gRPC.

    SearchService/Search ──> preprocess ──> queue ──> inference ──> milvus search

A call that comes with a W3C `traceparent` continues that trace. OpenTelemetry's own variables say
where the spans go, which are kept and how the service is named (docs/observability.md). Stages are
known only when they are over: their spans are laid end to end, the last one ending now.
"""

import time
from time import perf_counter

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.types import Attributes

from tihua_server.observer import CallMetadata, Observer
from tihua_server.request_id import REQUEST_ID
from tihua_server.stages import Stages
from tihua_server.types import Kind

PACKAGE = "tihua.v1"
"""The contract's package; OpenTelemetry wants full names of methods."""

_SERVER_ERRORS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
"""Statuses that make a server's span an error (OpenTelemetry's conventions for gRPC)."""


class Traces(Observer):
    """Makes the spans of one server, with a provider of its own."""

    def __init__(self, version: str) -> None:
        """Connect to nothing yet; spans are sent within seconds of their end."""
        named = Resource({"service.name": "tihua-server", "service.version": version})
        # The operator's own variables override our name.
        self._provider = TracerProvider(
            resource=Resource.create().merge(named).merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tihua", version)

    def close(self) -> None:
        """Send the remaining spans, and stop; blocks as long as an export may take."""
        self._provider.shutdown()

    def rpc_began(self, method: str, metadata: CallMetadata) -> None:
        """Begin the call's span, the parent of all later spans of its task."""
        # A refused call of, say, the health service has its package already.
        full_name = method if "." in method else f"{PACKAGE}.{method}"
        carrier = {key: value for key, value in metadata if isinstance(value, str)}
        parent = propagate.extract(carrier)
        span = self._tracer.start_span(
            full_name,
            parent,
            SpanKind.SERVER,
            {
                "rpc.system.name": "grpc",
                "rpc.method": full_name,
                "tihua.request_id": REQUEST_ID.get(),
            },
        )
        # Not detached: the context is that of the call's own task, and ends with it.
        context.attach(trace.set_span_in_context(span, parent))

    def rpc_ended(self, method: str, code: str, reason: str, start_s: float) -> None:
        """End it."""
        span = trace.get_current_span()
        span.set_attribute("rpc.response.status_code", code)
        if code != "OK":
            span.set_attribute("error.type", reason or code)
        if code in _SERVER_ERRORS:
            span.set_status(StatusCode.ERROR, reason)
        span.end()

    def embedded(self, model: str, kind: Kind, start_s: float, stages: Stages) -> None:
        """Make spans of the stages."""
        if not trace.get_current_span().is_recording():
            return
        attributes = {"tihua.model": model, "tihua.kind": kind.value}
        end_s = perf_counter()
        if stages.batch_size:
            sized: Attributes = {**attributes, "tihua.batch_size": stages.batch_size}
            inferred_s = max(start_s, end_s - stages.inference_s)
            self._add("inference", inferred_s, end_s, sized)
            end_s = max(start_s, inferred_s - stages.queue_s)
            self._add("queue", end_s, inferred_s, attributes)
        self._add("preprocess", max(start_s, end_s - stages.preprocess_s), end_s, attributes)

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """Make a span of the call to Milvus."""
        if not trace.get_current_span().is_recording():
            return
        attributes = {"db.system.name": "milvus", "db.operation.name": call}
        if reason:
            attributes["error.type"] = reason
        self._add(f"milvus {call}", start_s, perf_counter(), attributes, SpanKind.CLIENT)

    def _add(
        self,
        name: str,
        start_s: float,
        end_s: float,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        """Add a span that is over already, as a child of the task's."""
        span = self._tracer.start_span(
            name, kind=kind, attributes=attributes, start_time=_epoch_ns(start_s)
        )
        span.end(_epoch_ns(end_s))


def _epoch_ns(moment_s: float) -> int:
    """Return a moment of `perf_counter` as nanoseconds since 1970."""
    return time.time_ns() - round((perf_counter() - moment_s) * 1e9)
