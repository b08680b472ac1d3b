"""What users test their own instrumentation with."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.trace import ProxyTracerProvider

from spanloom_instrumentation import TracerProvider, annotate, traced
from spanloom_instrumentation.testing import recorded_spans


@pytest.fixture(params=["none", "spanloom"])
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which nobody has configured tracing, and one in which somebody has."""
    # OpenTelemetry lets a process set its provider once; a test has one of its own.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", type(trace._TRACER_PROVIDER_SET_ONCE)())
    if request.param == "spanloom":
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    else:
        assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
    yield
    made = trace.get_tracer_provider()
    assert isinstance(made, TracerProvider)
    made.shutdown()


@traced
def work() -> None:
    """Say that it was done."""
    annotate("done")


@pytest.mark.usefixtures("provider")
def test_spans_of_a_block_are_recorded() -> None:
    """A test sees its own spans, all of them, in the order in which they ended, and no other test's."""
    with recorded_spans() as first:
        work()
        with trace.get_tracer("test").start_as_current_span("outer") as outer:
            work()
    work()
    with recorded_spans() as second:
        work()
    assert [span.name for span in first] == ["work", "work", "outer"]
    assert [span.name for span in second] == ["work"]
    assert [event.name for event in first[1].events] == ["done"]
    assert first[1].parent == outer.get_span_context()


@pytest.mark.usefixtures("provider")
def test_blocks_within_blocks_each_record() -> None:
    """A fixture may record for a whole test, and the test for a part of it, empty or not."""
    with recorded_spans() as outer, recorded_spans() as inner, recorded_spans() as other:
        pass
    with recorded_spans() as outer:
        with recorded_spans() as inner:
            pass
        work()
    assert ([span.name for span in outer], inner, other) == (["work"], [], [])


def test_provider_of_others_is_no_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK is in charge, a test fails with the reason instead of finding no spans."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", SdkProvider(shutdown_on_exit=False))
    with pytest.raises(TypeError, match="of another library"), recorded_spans():
        pass
