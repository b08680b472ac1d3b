"""A caller's span of which headers say less than others do: no decision, or no ids."""

from opentelemetry.trace import NonRecordingSpan, SpanContext


class RemoteSpan(NonRecordingSpan):
    """What B3 can say and a span context cannot.

    With ids, the decision is left to whoever receives them. Without, `wanted` decides about the root
    that is started below it.
    """

    __slots__ = ("wanted",)

    def __init__(self, context: SpanContext, *, wanted: bool | None = None) -> None:
        super().__init__(context)
        self.wanted = wanted
