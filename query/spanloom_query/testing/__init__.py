"""TraceQL for tests: queries made by Hypothesis, written as text, and answered span by span."""
