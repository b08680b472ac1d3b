"""Jaeger's spans: Thrift and protobuf in; Thrift, protobuf and the query API's JSON out."""
