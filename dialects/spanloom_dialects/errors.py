"""What translating may raise."""


class DialectError(ValueError):
    """The whole body is unusable. The text is what the foreign protocol's answer says."""
