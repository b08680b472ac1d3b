"""The checks that the package `opentracing` ships for implementations, over our provider and the SDK's."""

from abc import abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentracing.harness.api_check import APICompatibilityCheckMixin
from opentracing.harness.scope_check import ScopeCompatibilityCheckMixin
from opentracing.scope_managers import ThreadLocalScopeManager
from opentracing.scope_managers.contextvars import ContextVarsScopeManager

from spanloom_instrumentation.opentracing import Tracer
from spanloom_instrumentation.opentracing.scopes import ContextScopes
from tests.instrumentation.doubles import Traced, spans, traced


class _Conformance(APICompatibilityCheckMixin):
    """How the checks reach a tracer."""

    @abstractmethod
    def made(self) -> Tracer:
        """A tracer."""

    def tracer(self) -> Tracer:
        """One for each test."""
        if not hasattr(self, "_made"):
            self._made = self.made()
        return self._made

    def is_parent(self, parent: Any, span: Any) -> bool:
        """Whether it is, as the span itself says."""
        above = span.otel.parent
        return bool((above and above.span_id) == (parent and parent.context.span_id))


class TestOverOurs(_Conformance):
    """`Tracer(configure())`."""

    def made(self) -> Tracer:
        """Ours."""
        return Tracer(traced().provider)


class TestOverTheSdk(_Conformance):
    """Any OpenTelemetry provider does."""

    def made(self) -> Tracer:
        """The SDK's."""
        return Tracer(SdkProvider(shutdown_on_exit=False))


class TestWithThreadLocalScopes(_Conformance):
    """Services that bring the scope manager they had."""

    def made(self) -> Tracer:
        """Jaeger's client's default."""
        return Tracer(traced().provider, scope_manager=ThreadLocalScopeManager())


class TestWithContextVarScopes(_Conformance):
    """The same for asyncio."""

    def made(self) -> Tracer:
        """OpenTracing's own."""
        return Tracer(traced().provider, scope_manager=ContextVarsScopeManager())


class TestScopes(ScopeCompatibilityCheckMixin):
    """The scope manager alone."""

    def scope_manager(self) -> ContextScopes:
        """Ours."""
        return ContextScopes(Tracer(traced().provider))

    def run_test(self, test_fn: Callable[[], None]) -> None:
        """In a context of its own: one of the checks leaves a scope open."""
        copy_context().run(test_fn)


def test_without_a_provider_the_global_one_is_used() -> None:
    """`Tracer()` before `configure()` does nothing, and fails at nothing."""
    with Tracer().start_active_span("nothing") as scope:
        scope.span.set_tag("a", 1).log_kv({"event": "b"}).set_baggage_item("c", "d")
    assert not trace.get_current_span().get_span_context().is_valid


def test_close_shuts_the_provider_down(here: Traced, tracer: Tracer) -> None:
    """`tracer.close()` at a program's end sends what is there, as Jaeger's client's does."""
    tracer.start_span("last").finish()
    tracer.close()
    tracer.close()
    assert [span.name for span in spans(here.datagrams)] == ["last"]
