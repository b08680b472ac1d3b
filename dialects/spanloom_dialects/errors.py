"""What translating may raise."""


class DialectError(ValueError):
    """The whole body is unusable. The text is what the foreign protocol's answer says."""


class TooManySpansError(DialectError):
    """There are more spans in it than whoever asked wanted to have translated."""

    def __init__(self, most_spans: int) -> None:
        super().__init__(f"the request is larger than {most_spans} spans")
