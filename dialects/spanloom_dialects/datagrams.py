"""Calls of Jaeger's `Agent`, one a datagram: compact on port 6831, binary on port 6832."""

from spanloom_dialects.errors import DialectError
from spanloom_dialects.jaeger import thrift_batch
from spanloom_dialects.thrift_wire import Encoding, Reader
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin import v1_thrift


def from_datagram(message: bytes, encoding: Encoding) -> Translated:
    """Translate a call of `emitBatch` or `emitZipkinBatch`, whichever of Thrift's types it says it is.

    Raises DialectError where it is neither.
    """
    reader = Reader(message, encoding)
    match reader.name():
        case "emitBatch":
            return thrift_batch.from_arguments(reader)
        case "emitZipkinBatch":
            return v1_thrift.from_arguments(reader)
        case name:
            raise DialectError(f"no method {name[:40]!r}")
