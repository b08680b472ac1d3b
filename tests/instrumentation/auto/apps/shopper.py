"""Asks for a web page, with both of the usual clients, and says so in a log."""

import logging
import sys

import httpx
import requests
from opentelemetry import trace

with trace.get_tracer("shopper").start_as_current_span("shop"):
    httpx.get(sys.argv[1])
    requests.get(sys.argv[1], timeout=20)
    logging.getLogger("shopper").warning("done")
