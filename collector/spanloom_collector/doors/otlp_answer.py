"""What OTLP says of a request that was taken: opentelemetry.io/docs/specs/otlp/#partial-success."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanloom_collector.receiver import Taken


def answer_to(taken: Taken) -> ExportTraceServiceResponse:
    """The answer; it is empty where all is as it was sent."""
    if not taken.message:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=sum(taken.rejected.values()), error_message=taken.message
        )
    )
