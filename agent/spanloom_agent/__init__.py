"""The agent, one per host: datagrams in from local services, OTLP requests out to the collector."""
