"""For `opentelemetry-instrument`, which finds this by its entry point."""

from spanloom_instrumentation.configuration import configure


class Configurator:
    """Makes our provider the one that instrumentation packages find; OTEL_PYTHON_CONFIGURATOR=spanloom."""

    def configure(self, **_: object) -> None:
        """Configure this process, from the environment alone."""
        configure()
