"""The trace of a program, as either client sends it."""

from collections.abc import Iterator

import pytest
from answering_server import AnsweringServer, Call
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from tihua.v1 import collection_service_pb2


class Capitals(TextMapPropagator):
    """Writes a header as AWS X-Ray's propagator does."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return what there is already."""
        return context or Context()

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write it."""
        setter.set(carrier, "X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")

    @property
    def fields(self) -> set[str]:
        """Return what it writes."""
        return {"X-Amzn-Trace-Id"}


@pytest.fixture
def capitals() -> Iterator[None]:
    """A program with that propagator."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(Capitals())
    yield
    propagate.set_global_textmap(before)


@pytest.mark.usefixtures("capitals")
def test_headers_with_capitals_travel_without(server: AnsweringServer, call: Call) -> None:
    """GRPC takes no others, and the case of a header means nothing."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=7))
    assert call("count_items") == 7
    [sent] = server.metadata
    assert sent["x-amzn-trace-id"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
