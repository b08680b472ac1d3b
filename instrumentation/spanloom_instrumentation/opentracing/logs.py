"""What `log_kv` is given, as an event of OpenTelemetry.

https://opentelemetry.io/docs/specs/otel/compatibility/opentracing/#log
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.trace import Span
from opentracing import logs

from spanloom_instrumentation.opentracing.values import attributes_of, value_of

_UNNAMED: Final = "log"
_ERROR: Final = "error"
_EXCEPTION: Final = "exception"
_NAMES: Final = {
    logs.ERROR_KIND: "exception.type",
    logs.MESSAGE: "exception.message",
    logs.STACK: "exception.stacktrace",
}


def log(span: Span, fields: Mapping[str, object], timestamp_ns: int | None) -> None:
    """Add it; errors as exceptions. The field `event` is the name, and not said twice."""
    rest = {key: value for key, value in fields.items() if key != logs.EVENT}
    name = fields.get(logs.EVENT)
    if name != _ERROR:
        named = _UNNAMED if name is None else str(value_of(name))
        span.add_event(named, attributes_of(rest), timestamp_ns)
        return
    error = rest.get(logs.ERROR_OBJECT)
    if isinstance(error, BaseException):
        span.record_exception(error, attributes_of(_beyond(error, rest)), timestamp_ns)
    else:
        span.add_event(_EXCEPTION, attributes_of(_renamed(rest)), timestamp_ns)


def _renamed(fields: Mapping[str, object]) -> dict[str, object]:
    return {_NAMES.get(key, key): value for key, value in fields.items()}


def _beyond(error: BaseException, fields: Mapping[str, object]) -> dict[str, object]:
    """What the fields say that the exception itself does not."""
    known = (error, type(error), error.__traceback__)
    return _renamed({key: value for key, value in fields.items() if all(value is not one for one in known)})
