"""The collector: OTLP in through its doors, span batches out to storage."""
