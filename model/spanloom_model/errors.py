"""What every part says the same way."""


class MisconfiguredError(Exception):
    """Only a person can put this right; the text is one sentence for them, said at start."""
