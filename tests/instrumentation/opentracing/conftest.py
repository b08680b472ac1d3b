"""OpenTracing's tracer over a provider whose spans the test reads."""

import pytest

from spanloom_instrumentation.opentracing import Tracer
from tests.instrumentation.doubles import Traced


@pytest.fixture
def tracer(here: Traced) -> Tracer:
    """A tracer over `here`."""
    return Tracer(here.provider)
