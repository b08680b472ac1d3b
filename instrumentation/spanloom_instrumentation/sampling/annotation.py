"""What a sampler keeps is marked (OpenTelemetry's ComposableAnnotating)."""

from collections.abc import Mapping

from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.sampling.sampler import Intent, Sampler, Start


class Annotating:
    """Wants what another sampler wants, and adds attributes to the spans that are kept for it."""

    follows_parent = False  # or children of local parents would go without

    def __init__(self, sampler: Sampler, attributes: Mapping[str, AnyValue]) -> None:
        self._sampler = sampler
        self._attributes = dict(attributes)

    def intent(self, start: Start) -> Intent:
        """The same with these attributes, which win over the sampler's own."""
        wanted = self._sampler.intent(start)
        return Intent(
            threshold=wanted.threshold,
            reliable=wanted.reliable,
            attributes={**(wanted.attributes or {}), **self._attributes},
        )

    def shutdown(self) -> None:
        """The sampler's."""
        self._sampler.shutdown()

    def __str__(self) -> str:
        return f"Annotating{{{self._sampler},{self._attributes}}}"
