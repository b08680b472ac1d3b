"""The `spanloom` command: the only place that knows all parts."""
