"""Packages that are written for OpenTracing, as they are on PyPI, over our tracer."""

import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import flask
import pytest
from flask_opentracing import FlaskTracing
from requests_opentracing import SessionTracing

from spanloom_instrumentation.opentracing import Tracer
from tests.instrumentation.doubles import Traced, attributes


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the interface's
        """Nothing."""


@pytest.fixture
def shop(tracer: Tracer) -> Iterator[str]:
    """A Flask application that is traced, served in a thread."""
    app = flask.Flask("shop")
    FlaskTracing(tracer, True, app)  # noqa: FBT003  # the interface's

    @app.route("/cart")
    def cart() -> str:
        tracer.active_span.set_tag("items", 3)
        return str(tracer.active_span.get_baggage_item("user"))

    @app.route("/broken")
    def broken() -> str:
        raise ValueError("no cart")

    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_request_goes_through(here: Traced, tracer: Tracer, shop: str) -> None:
    """Requests-OpenTracing and Flask-OpenTracing make one trace of a call, with its baggage."""
    with tracer.start_active_span("visit") as scope, SessionTracing(tracer) as session:
        scope.span.set_baggage_item("user", "17")
        assert session.get(f"{shop}/cart").text == "17"
    by_name = {span.name: span for span in here.spans()}
    visit, call, serve = (by_name[name] for name in ("visit", "requests.get", "cart"))
    assert (serve.parent_span_id, call.parent_span_id) == (call.span_id, visit.span_id)
    assert (call.kind, serve.kind) == (call.SPAN_KIND_CLIENT, call.SPAN_KIND_SERVER)
    assert attributes(call) == {
        "component": "requests",
        "http.method": "get",
        "http.url": f"{shop}/cart",
        "http.status_code": 200,
    }
    assert attributes(serve)["items"] == 3


def test_failure_is_a_failure(here: Traced, tracer: Tracer, shop: str) -> None:
    """A view that raises is a failed span with its exception."""
    with SessionTracing(tracer) as session:
        assert session.get(f"{shop}/broken").status_code == 500
    (serve,) = (span for span in here.spans() if span.name == "broken")
    assert attributes(serve)["http.status_code"] == 500
