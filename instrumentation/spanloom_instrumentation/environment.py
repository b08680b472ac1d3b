"""OpenTelemetry's environment variables for traces; what makes no sense is warned of and left out.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from spanloom_instrumentation.ids import IdGenerator
from spanloom_instrumentation.limits import ANNOTATION_BYTES, UNLIMITED, AttributeLimits, SpanLimits
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.resources.detectors import USUAL
from spanloom_instrumentation.sampling.sampler import Sampler
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ALWAYS_ON, ParentBased, probability

Environment = Mapping[str, str]
"""Empty means unset (Environment Variable Specification, Parsing Empty Value)."""


def disabled(environ: Environment) -> bool:
    """OTEL_SDK_DISABLED."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def limits(environ: Environment, annotation_bytes: int | None = None) -> SpanLimits:
    """OTEL_…_LIMIT, and SPANLOOM_ANNOTATION_BYTES where the program does not say it."""
    most = _number(environ, "OTEL_ATTRIBUTE_COUNT_LIMIT", 128)
    longest = _number(environ, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", UNLIMITED)
    return SpanLimits(
        span=AttributeLimits(
            most=_number(environ, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", most),
            longest=_number(environ, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", longest),
        ),
        event=AttributeLimits(
            most=_number(environ, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", most), longest=longest
        ),
        link=AttributeLimits(most=_number(environ, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", most), longest=longest),
        events=_number(environ, "OTEL_SPAN_EVENT_COUNT_LIMIT", 128),
        links=_number(environ, "OTEL_SPAN_LINK_COUNT_LIMIT", 128),
        annotation_bytes=_number(environ, "SPANLOOM_ANNOTATION_BYTES", ANNOTATION_BYTES)
        if annotation_bytes is None
        else annotation_bytes,
    )


def batching(environ: Environment, *, queued: int, batch: int, interval_s: float) -> tuple[int, int, float]:
    """OTEL_BSP_…: how many spans are queued, how many are sent at once, how long they wait, in seconds."""
    interval_ms = _number(environ, "OTEL_BSP_SCHEDULE_DELAY", int(interval_s * 1000))
    return (
        _number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", queued, least=1),
        _number(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batch, least=1),
        interval_ms / 1000,
    )


def sampler(environ: Environment, *, service: str) -> Sampler | Any | None:
    """OTEL_TRACES_SAMPLER; a name that we do not know is that of an entry point."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if name in {"", "parentbased_always_on"}:
        return None
    if root := _ROOTS.get(name.removeprefix("parentbased_")):
        found = root(argument, service)
        return ParentBased(found) if name.startswith("parentbased_") else found
    return _made("opentelemetry_traces_sampler", name, argument)


def _probability(argument: str, _: str) -> Sampler:
    try:
        return probability(float(argument))
    except ValueError:
        warn_once("OTEL_TRACES_SAMPLER_ARG is a probability from 0 to 1, not %r: all is kept", argument)
        return ALWAYS_ON


def _remote(argument: str, service: str) -> Sampler:
    from spanloom_instrumentation.sampling.jaeger_remote.settings import asking_as_said  # noqa: PLC0415  # seldom needed

    return asking_as_said(argument, service)


_ROOTS: Final[Mapping[str, Callable[[str, str], Sampler]]] = {
    "always_on": lambda *_: ALWAYS_ON,
    "always_off": lambda *_: ALWAYS_OFF,
    "traceidratio": _probability,
    "jaeger_remote": _remote,
}


def ids(environ: Environment) -> IdGenerator | None:
    """OTEL_PYTHON_ID_GENERATOR: the name of an entry point."""
    name = environ.get("OTEL_PYTHON_ID_GENERATOR", "").strip()
    found: IdGenerator | None = None if name in {"", "random"} else _made("opentelemetry_id_generator", name)
    return found


def detectors(environ: Environment) -> Sequence[str]:
    """OTEL_EXPERIMENTAL_RESOURCE_DETECTORS: names, of ours or of entry points; `*` is all."""
    names = _listed(environ.get("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", ""))
    return [*USUAL, *names] if "*" in names else names or USUAL


def exporters(environ: Environment, said: str | None = None) -> list[str]:
    """OTEL_TRACES_EXPORTER, where nothing is *said*: names; `spanloom` is the default."""
    names = _listed(environ.get("OTEL_TRACES_EXPORTER", "") if said is None else said)
    return [] if "none" in names else names or ["spanloom"]


def sdk_exporter(name: str, environ: Environment) -> Callable[[], Any] | None:
    """What makes an exporter written for `opentelemetry-sdk`, by the name of its entry point."""
    if name == "otlp":
        protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get(
            "OTEL_EXPORTER_OTLP_PROTOCOL"
        )
        name = _OTLP.get(protocol or "http/protobuf", "")
        if not name:
            warn_once("OTEL_EXPORTER_OTLP_PROTOCOL is one of %s, not %r", ", ".join(_OTLP), protocol)
            return None
    return _found("opentelemetry_traces_exporter", name)


_OTLP: Final = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc", "http/json": "otlp_json_http"}

_BROUGHT_BY: Final = {
    "console": "opentelemetry-sdk",
    "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "otlp_json_http": "opentelemetry-exporter-otlp-json-http",
}


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def propagators(environ: Environment) -> str | None:
    """OTEL_PROPAGATORS: names, with commas between them; None where nothing is said."""
    return environ.get("OTEL_PROPAGATORS", "").strip() or None


def propagator(name: str) -> Any | None:
    """A propagator by the name of its entry point."""
    return _made("opentelemetry_propagator", name)


def _made(group: str, name: str, *arguments: str) -> Any | None:
    """What an entry point of that name makes; None, with a warning, where there is none or it fails."""
    try:
        make = _found(group, name)
        return make(*arguments) if make else None
    except Exception as exc:  # noqa: BLE001  # a mistake of operations must not stop the service
        warn_once("%r of %s cannot be made: %r", name, group, exc)
        return None


def _found(group: str, name: str) -> Callable[..., Any] | None:
    """What stands behind an entry point; None, with a warning, where there is none or it fails."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # dear to import, seldom needed

    try:
        found = next(iter(entry_points(group=group, name=name)), None)
        if found is not None:
            made: Callable[..., Any] = found.load()
            return made
        package = _BROUGHT_BY.get(name)
        hint = f": pip install {package}" if package else ""
        warn_once("There is no %r among the installed %s%s", name, group, hint)
    except Exception as exc:  # noqa: BLE001  # as above
        warn_once("%r of %s cannot be loaded: %r", name, group, exc)
    return None


def _number(environ: Environment, name: str, default: int, *, least: int = 0) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < least:
        warn_once("%s is a number from %d on, not %r: it stays %d", name, least, text, default)
        return default
    return value
