"""What a span costs the application, beside opentelemetry-sdk with its OTLP exporter, in the same run.

python -m benchmarks.instrumentation [--rounds N] [--json FILE]

Each measurement is a process of its own, the two libraries take turns, and the best round counts:
others share this machine. All spans have four attributes, one of them never twice the same.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from opentelemetry import trace

from spanloom_model import address, datagram
from spanloom_model.datagram import Datagram

SPANS: Final = 1000
"""At once; fewer than the queues of both libraries hold."""
BURSTS: Final = 40
SPANS_A_SECOND: Final = 10_000
STEADY_S: Final = 5.0

STARTS: Final = 5
"""Of which the fastest counts: one is over too soon not to be hit by others."""
STARTED: Final = "import and configure, ms"
MEMORY: Final = "peak memory at 10,000 spans a second, MB more"
PRIVATE: Final = "memory of its own then, MB more"
"""Without pages of libraries that other processes have too."""

LIMITS: Final = {
    "start_span … end, application's thread, µs": 3.0,
    "start_as_current_span, application's thread, µs": 3.0,
    "the same with all threads, sent, µs": 7.0,
    "unsampled start_as_current_span, µs": 1.0,
    "unsampled start_span … end, µs": 1.0,
    "event on an unsampled span, µs": 0.1,
    "attribute on an unsampled span, µs": 0.1,
    STARTED: 60.0,
    MEMORY: 15.0,
    PRIVATE: 15.0,
}


class Sink:
    """Takes what both libraries send, and counts the spans that came in datagrams."""

    def __init__(self) -> None:
        self.span_count = 0
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**23)
        self._udp.bind(("127.0.0.1", 0))
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Accepts)
        self.udp = address.of(self._udp)
        self.http = f"http://127.0.0.1:{self._http.server_port}/v1/traces"
        for work in (self._read, self._http.serve_forever):
            threading.Thread(target=work, daemon=True).start()

    def _read(self) -> None:
        while True:
            found = datagram.decode(self._udp.recv(65_536))
            if isinstance(found, Datagram):
                self.span_count += found.span_count


class Accepts(BaseHTTPRequestHandler):
    """Answers each request as a collector does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the name that http.server calls
        """Accept it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def ours(sink: Mapping[str, str], *, sampled: bool) -> Any:
    """Our provider, sending."""
    import spanloom_instrumentation  # noqa: PLC0415  # what is measured
    from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ParentBased  # noqa: PLC0415  # as above

    return spanloom_instrumentation.configure(
        service="benchmark", agent=sink["udp"], sampler=None if sampled else ParentBased(ALWAYS_OFF)
    )


def theirs(sink: Mapping[str, str], *, sampled: bool) -> Any:
    """opentelemetry-sdk, as its documentation sets it up."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # as above
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace.sampling import DEFAULT_OFF  # noqa: PLC0415  # as above

    provider = TracerProvider(
        resource=Resource.create({"service.name": "benchmark"}), sampler=None if sampled else DEFAULT_OFF
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(sink["http"])))
    trace.set_tracer_provider(provider)
    return provider


def nobody(_: Mapping[str, str], *, sampled: bool) -> Any:  # noqa: ARG001  # as the others
    """OpenTelemetry's API alone: what the program itself costs."""
    return None


LIBRARIES: Final[Mapping[str, Callable[..., Any]]] = {"spanloom": ours, "sdk": theirs, "nobody": nobody}


def attributes(number: int) -> dict[str, Any]:
    """Four."""
    return {
        "http.request.method": "GET",
        "http.route": "/orders/{order}",
        "http.response.status_code": 200,
        "order.id": f"o-{number}",
    }


MADE: Final = [attributes(number) for number in range(SPANS)]


def start_and_end(tracer: trace.Tracer) -> None:
    """A burst."""
    for told in MADE:
        tracer.start_span("GET /orders/{order}", attributes=told).end()


def as_current(tracer: trace.Tracer) -> None:
    """A burst."""
    for told in MADE:
        with tracer.start_as_current_span("GET /orders/{order}", attributes=told):
            pass


def sampled(library: str, sink: Mapping[str, str]) -> dict[str, float]:
    """CPU time of spans that are sent."""
    provider = LIBRARIES[library](sink, sampled=True)
    tracer = trace.get_tracer("benchmark")
    figures: dict[str, float] = {}
    with tracer.start_as_current_span("root"):
        for work, name in ((start_and_end, "start_span … end"), (as_current, "start_as_current_span")):
            alone = everything = float("inf")
            for _ in range(BURSTS):
                began, began_all = time.thread_time(), time.process_time()
                work(tracer)
                alone = min(alone, time.thread_time() - began)
                provider.force_flush()
                everything = min(everything, time.process_time() - began_all)
            figures[f"{name}, application's thread, µs"] = alone / SPANS * 1e6
            figures["the same with all threads, sent, µs"] = everything / SPANS * 1e6
    provider.shutdown()
    return figures


def unsampled(library: str, sink: Mapping[str, str]) -> dict[str, float]:
    """CPU time of spans that are not."""
    provider = LIBRARIES[library](sink, sampled=False)
    tracer = trace.get_tracer("benchmark")
    with tracer.start_as_current_span("root") as span:
        figures = {
            "unsampled start_as_current_span, µs": best_us(lambda: as_current(tracer)),
            "unsampled start_span … end, µs": best_us(lambda: start_and_end(tracer)),
            "event on an unsampled span, µs": best_us(lambda: [span.add_event("hit") for _ in MADE]),
            "attribute on an unsampled span, µs": best_us(lambda: [span.set_attribute("k", 1) for _ in MADE]),
        }
    provider.shutdown()
    return figures


def best_us(work: Callable[[], object]) -> float:
    """The least CPU time of a span in several bursts."""
    best = float("inf")
    for _ in range(BURSTS):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
    return best / SPANS * 1e6


def memory(library: str, sink: Mapping[str, str]) -> dict[str, float]:
    """What a program takes that makes spans steadily."""
    provider = LIBRARIES[library](sink, sampled=True)
    tracer = trace.get_tracer("benchmark")
    began_s = time.monotonic()
    for tick in range(int(STEADY_S * 100)):
        time.sleep(max(0.0, began_s + tick / 100 - time.monotonic()))
        for number in range(SPANS_A_SECOND // 100):
            told = attributes(tick * 100 + number)
            with tracer.start_as_current_span("GET /orders/{order}", attributes=told):
                pass
    private = re.findall(r"Private_\w+:\s+(\d+) kB", Path("/proc/self/smaps_rollup").read_text())
    if provider:
        provider.shutdown()
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {MEMORY: int(peak) / 1024, PRIVATE: sum(map(int, private)) / 1024}


START: Final = {
    "spanloom": """
import spanloom_instrumentation
spanloom_instrumentation.configure(service="benchmark")
""",
    "sdk": """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider(resource=Resource.create({"service.name": "benchmark"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
""",
}
TIMED: Final = """
import time
began = time.perf_counter()
{program}
print('{{"import and configure, ms":', (time.perf_counter() - began) * 1000, '}}')
"""


MEASUREMENTS: Final = {"sampled": sampled, "unsampled": unsampled, "memory": memory}


def figures_of(library: str, sink: Sink) -> dict[str, float]:
    """All figures of a library, each in a process of its own."""
    found: dict[str, float] = {}
    for name in MEASUREMENTS:
        found |= run(["-m", "benchmarks.instrumentation", name, library, sink.udp, sink.http])
    starts = (run(["-c", TIMED.format(program=START[library])]) for _ in range(STARTS))
    return found | min(starts, key=lambda figures: figures[STARTED])


def run(command: list[str]) -> dict[str, float]:
    """The figures that a process prints."""
    said = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, float] = json.loads(said.stdout)
    return figures


def measure(name: str, library: str, udp: str, http: str) -> None:
    """One measurement, in this process."""
    print(json.dumps(MEASUREMENTS[name](library, {"udp": udp, "http": http})))


def main() -> None:
    """Measure, and print a table."""
    from benchmarks.measure import report  # noqa: PLC0415  # loads a store; the measured processes need none

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    sink = Sink()
    best: dict[str, dict[str, float]] = {"spanloom": {}, "sdk": {}}
    for _ in range(options.rounds):
        bare = run(["-m", "benchmarks.instrumentation", "memory", "nobody", "", ""])
        for library, known in best.items():
            found = figures_of(library, sink)
            found |= {name: found[name] - figure for name, figure in bare.items()}
            known |= {name: min(figure, known.get(name, figure)) for name, figure in found.items()}
    rows = [
        {
            "what": name,
            "spanloom": best["spanloom"][name],
            "sdk": best["sdk"][name],
            "sdk / spanloom": best["sdk"][name] / best["spanloom"][name],
            "limit": limit,
        }
        for name, limit in LIMITS.items()
    ]
    report(rows, to=options.json)
    print(f"{sink.span_count:,} of our spans arrived")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in MEASUREMENTS:
        measure(*sys.argv[1:5])
    else:
        main()
