"""Two spans made by py_zipkin, in the encoding that is named.

python py_zipkin_client.py ENCODING HOST:PORT SERVICE
"""

import sys

from py_zipkin import Encoding, Kind
from py_zipkin.transport import SimpleHTTPTransport
from py_zipkin.zipkin import zipkin_span


def main() -> None:
    """Make spans, send them; the transport raises where that fails."""
    name, where, service = sys.argv[1:]
    host, _, port = where.rpartition(":")
    with zipkin_span(
        service_name=service,
        span_name="get /cart",
        transport_handler=SimpleHTTPTransport(host, int(port)),
        sample_rate=100,
        encoding=Encoding[name],
        kind=Kind.SERVER,
        use_128bit_trace_id=True,
        binary_annotations={"http.route": "/cart", "items": "3", "greeting": "grüße"},
    ) as parent:
        parent.add_annotation("cache miss")
        with zipkin_span(
            service_name=service,
            span_name="select",
            kind=Kind.CLIENT,
            binary_annotations={"error": "no connection"},
        ):
            pass


if __name__ == "__main__":
    main()
