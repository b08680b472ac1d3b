"""Jaeger's and Zipkin's spans into OTLP and back: pure translations of bytes, no I/O."""
