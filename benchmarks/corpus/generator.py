"""Requests one after the other, without ever holding the corpus."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.corpus.attributes import HOSTS
from benchmarks.corpus.kernels.rows import SPAN, TREE, State
from benchmarks.corpus.kernels.traces import MOST, traces
from benchmarks.corpus.kernels.write import LARGEST_RESOURCE, LARGEST_SPAN, requests, rest
from benchmarks.corpus.shape import Shape
from benchmarks.corpus.tables import tables

BASE_NS: Final = 1_780_000_000_000_000_000
"""28 May 2026."""
SPANS_A_SECOND: Final = 20_000
"""In the corpus' own time."""
_AT_ONCE: Final = 16_384
"""Spans that are made before they are sorted by their ends; a few MB, so they stay in the cache."""
_END_OF_TIME: Final = 2**63 - 1


class Request(NamedTuple):
    """A serialized ExportTraceServiceRequest."""

    data: bytes
    span_count: int


class Corpus:
    """Makes the requests once; its shape grows with them."""

    def __init__(
        self, span_count: int, *, seed: int = 1, request_spans: int = 1000, base_ns: int = BASE_NS
    ) -> None:
        self.shape = Shape()
        self._span_count = span_count
        self._request_spans = request_spans
        self._tables = tables(seed)
        self._state = np.zeros(len(State), np.int64)
        self._state[State.NOW_NS] = base_ns
        self._chance = np.array([seed, 0], np.uint64)
        self._writing = np.zeros(2, np.uint64)
        self._offsets = np.zeros(len(self._tables.operations), np.int64)
        self._queues = np.zeros((HOSTS, request_spans), SPAN)
        self._queued = np.zeros(HOSTS, np.int64)
        largest = request_spans * LARGEST_SPAN + len(self._tables.hosts) * LARGEST_RESOURCE
        self._out = np.empty(largest + 2**24, np.uint8)
        self._ends = np.zeros(_AT_ONCE, np.int64)
        self._scratch = tuple(np.empty(size, np.uint8) for size in (request_spans * LARGEST_SPAN, 4096, 4096))

    def requests(self) -> Iterator[Request]:
        """In the order in which hosts send them; all but each host's last one have *request_spans* spans."""
        spans = np.zeros(2 * _AT_ONCE, SPAN)
        tree = np.zeros(MOST, TREE)
        producers = np.zeros((256, 3), np.uint64)
        waiting = 0
        state = self._state
        while state[State.MADE] < self._span_count:
            if waiting + _AT_ONCE + MOST > len(spans):
                spans = np.concatenate([spans, np.zeros(len(spans), SPAN)])
            waiting = traces(
                spans,
                waiting,
                waiting + _AT_ONCE,
                self._span_count,
                float(SPANS_A_SECOND),
                state,
                self._chance,
                tree,
                producers,
                self.shape.sizes,
                self._tables,
            )
            done = state[State.MADE] >= self._span_count
            ended = spans["end"][:waiting] <= (_END_OF_TIME if done else state[State.NOW_NS])
            yield from self._queue(spans, np.flatnonzero(ended))
            left = spans[:waiting][~ended]
            waiting = len(left)
            spans[:waiting] = left
        yield from self._rest()

    def _queue(self, spans: npt.NDArray[Any], ended: npt.NDArray[np.int64]) -> Iterator[Request]:
        """Spans go to their hosts in the order of their ends."""
        order = ended[np.argsort(spans["end"][ended], kind="stable")]
        begin = 0
        while begin < len(order):
            begin, many = requests(
                spans,
                order,
                begin,
                self._queues,
                self._queued,
                self._out,
                self._ends,
                self._tables,
                self._writing,
                self.shape.counts,
                self._offsets,
                *self._scratch,
            )
            at = 0
            for end in self._ends[:many].tolist():
                yield self._request(at, end, self._request_spans)
                at = end

    def _rest(self) -> Iterator[Request]:
        """What has not filled a request."""
        for host, count in enumerate(self._queued.tolist()):
            if count:
                size = rest(
                    self._out,
                    self._queues[host],
                    count,
                    self._tables,
                    self._writing,
                    self.shape.counts,
                    self._offsets,
                    *self._scratch,
                )
                yield self._request(0, size, count)

    def _request(self, begin: int, end: int, count: int) -> Request:
        self.shape.requests += 1
        self.shape.size_bytes += end - begin
        return Request(self._out[begin:end].tobytes(), count)
