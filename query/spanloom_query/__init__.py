"""The query service: stored traces out over HTTP."""
