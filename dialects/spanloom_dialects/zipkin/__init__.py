"""Zipkin's spans: JSON and protobuf of v2, JSON and Thrift of v1 in; JSON and protobuf of v2 out."""
