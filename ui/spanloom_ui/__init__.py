"""HTML pages over the query API: search and the trace viewer."""
