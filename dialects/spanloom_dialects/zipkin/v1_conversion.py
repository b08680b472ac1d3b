"""A span of version 1 into those of version 2: one for each side that it speaks of.

What core annotations mean is told in zipkin-api's thrift/zipkinCore.thrift: `cs` and `cr` are a client's
start and end, `sr` and `ss` a server's, `ms` and `ws` a producer's, `wr` and `mr` a consumer's.
Where both sides are in one span, the client owns its time; the server's are its own annotations'.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from spanloom_dialects.translated import Group
from spanloom_dialects.zipkin.encoding import encode
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.span import Annotation, Endpoint, Span
from spanloom_dialects.zipkin.v1_span import V1Annotation, V1Span

_KINDS: Final = {
    "cs": "CLIENT",
    "cr": "CLIENT",
    "ss": "SERVER",
    "sr": "SERVER",
    "ms": "PRODUCER",
    "mr": "CONSUMER",
}
_CORE: Final = _KINDS.keys() | {"ws", "wr"}


def encoded(spans: Iterable[V1Span]) -> Iterator[Group]:
    """Each span as OTLP, once for each side that it speaks of, or refused as a whole."""
    for span in spans:
        try:
            yield from in_version_2(span)
        except InvalidSpanError as exc:
            yield b"", [exc.refused]


def in_version_2(span: V1Span) -> list[Group]:
    """The sides of one span as OTLP. Raises InvalidSpanError where it can never be stored."""
    return [encode(side) for side in converted(span)]


def converted(source: V1Span) -> list[Span]:
    """The spans of version 2, the first for what has no host."""
    return _Conversion(source).spans()


@dataclass(slots=True)
class _Conversion:
    source: V1Span
    sides: list[Span] = field(default_factory=list)
    core: dict[str, V1Annotation] = field(default_factory=dict)

    def spans(self) -> list[Span]:
        self._new_side(None)
        for annotation in self.source.annotations or ():
            self._take(annotation)
        self._infer_starts()
        self._time_rpc()
        self._mark_shared()
        self._time_messaging()
        self._take_tags()
        self._take_addresses()
        return self.sides

    def _new_side(self, endpoint: Endpoint | None) -> Span:
        source = self.source
        side = Span(
            trace_id=source.trace_id,
            parent_id=source.parent_id,
            id=source.id,
            name=source.name,
            local_endpoint=endpoint,
            annotations=[],
            tags={},
            debug=source.debug,
        )
        self.sides.append(side)
        return side

    def _side(self, endpoint: Endpoint | None) -> Span:
        """The span of a host: services are told apart, not addresses."""
        if endpoint is None:
            return self.sides[0]
        for side in self.sides:
            if side.local_endpoint is None:
                side.local_endpoint = endpoint
                return side
            if side.local_endpoint.service_name == endpoint.service_name:
                return side
        return self._new_side(endpoint)

    def _at(self, value: str) -> Span:
        """The span of the host that a core annotation is from."""
        return self._side(self.core[value].endpoint)

    def _take(self, annotation: V1Annotation) -> None:
        side = self._side(annotation.endpoint)
        if annotation.value not in _CORE or annotation.endpoint is None:
            _annotate(side, annotation)
            return
        self.core[annotation.value] = annotation
        side.kind = _KINDS.get(annotation.value, side.kind)

    def _infer_starts(self) -> None:
        """A start that is missing is the span's where its end is."""
        source = self.source
        for start, end in (("cs", "cr"), ("sr", "ss")):
            found = self.core.get(end)
            if found is None or start in self.core or not (source.timestamp and source.duration):
                continue
            if source.timestamp + source.duration == found.timestamp:
                self.core[start] = V1Annotation(source.timestamp, start, found.endpoint)

    def _time_rpc(self) -> None:
        core = self.core
        if "cs" in core and "sr" in core:
            self._split_rpc()
        elif "cs" in core and "cr" in core:
            self._time("cs", "cr")
        elif "sr" in core and "ss" in core:
            self._time("sr", "ss")
        else:
            self._time_half_rpc()

    def _split_rpc(self) -> None:
        core = self.core
        self._time("cs", "cr")
        client = self._at("cs")
        server = self._other_side(client, "cs", "sr", kinds=("CLIENT", "SERVER"))
        server.shared = True
        server.timestamp = core["sr"].timestamp
        if "ss" in core:
            server.duration = core["ss"].timestamp - core["sr"].timestamp
        if "cr" not in core and not self.source.duration:
            client.duration = None  # one-way

    def _other_side(self, near: Span, begin: str, end: str, *, kinds: tuple[str, str]) -> Span:
        """The far side's span: a new one where both sides are the same service."""
        far = self.core[end].endpoint
        if not _same_service(self.core[begin].endpoint, far):
            return self._side(far)
        near.kind = kinds[0]
        side = self._new_side(far)
        side.kind = kinds[1]
        return side

    def _time(self, begin: str, end: str) -> None:
        source, side = self.source, self._at(begin)
        if source.timestamp and source.duration:
            side.timestamp, side.duration = source.timestamp, source.duration
            return
        side.timestamp = self.core[begin].timestamp
        if end in self.core:
            side.duration = self.core[end].timestamp - self.core[begin].timestamp

    def _time_half_rpc(self) -> None:
        """Only the start of a call is known, or only its end, which is then an annotation like others."""
        for side in self.sides:
            begin, end = {"CLIENT": ("cs", "cr"), "SERVER": ("sr", "ss")}.get(side.kind or "", ("", ""))
            if begin in self.core:
                side.timestamp = self.core[begin].timestamp
            if end in self.core:
                _annotate(side, self.core[end])
        if self.source.timestamp:
            self.sides[0].timestamp = self.source.timestamp
            self.sides[0].duration = self.source.duration

    def _mark_shared(self) -> None:
        """A server's span without a time of its own has its id from a client that reports the time."""
        core, source = self.core, self.source
        if (
            "cs" not in core
            and "sr" in core
            and (not source.timestamp or ("ss" in core and not source.duration))
        ):
            self._at("sr").shared = True

    def _time_messaging(self) -> None:
        core = self.core
        if "ms" in core and "mr" in core:
            self._split_messaging()
        elif "ms" in core:
            self._time("ms", "ws")
        elif "mr" in core:
            self._time(*(("wr", "mr") if "wr" in core else ("mr", "")))
        else:
            for value in ("ws", "wr"):
                if value in core:
                    _annotate(self._at(value), core[value])

    def _split_messaging(self) -> None:
        core = self.core
        producer = self._at("ms")
        consumer = self._other_side(producer, "ms", "mr", kinds=("PRODUCER", "CONSUMER"))
        consumer.shared = True
        begin = core.get("wr", core["mr"])
        consumer.timestamp = begin.timestamp
        if "wr" in core:
            consumer.duration = core["mr"].timestamp - begin.timestamp
        producer.timestamp = core["ms"].timestamp
        producer.duration = core["ws"].timestamp - core["ms"].timestamp if "ws" in core else None

    def _take_tags(self) -> None:
        for one in self.source.binary_annotations or ():
            if one.is_address:
                continue
            tags = self._side(one.endpoint).tags
            is_marker = one.key == "lc" and not one.text  # only says where
            if tags is not None and not is_marker:
                tags[one.key] = one.text

    def _take_addresses(self) -> None:
        found = {
            one.key: one.endpoint
            for one in self.source.binary_annotations or ()
            if one.is_address and one.endpoint is not None
        }
        client, server, broker = found.get("ca"), found.get("sa"), found.get("ma")
        if not self.core.keys() & {"cs", "cr", "ss", "sr"} and (client or server):
            self._address_without_core(client, server)
            return
        self._address_client_of_server(client)
        for value in ("cs", "cr"):
            if server and value in self.core:
                self._at(value).remote_endpoint = server
                break
        for value in ("ms", "mr"):
            if broker and value in self.core:
                self._at(value).remote_endpoint = broker

    def _address_without_core(self, client: Endpoint | None, server: Endpoint | None) -> None:
        """With one address, a server's is only the other side; a client's makes this the server."""
        if client and server:
            self._side(client).remote_endpoint = server
        elif server:
            self.sides[0].remote_endpoint = server
        else:
            self.sides[0].kind = "SERVER"
            self.sides[0].remote_endpoint = client

    def _address_client_of_server(self, client: Endpoint | None) -> None:
        """Finagle calls the client's socket by the server's name: a service does not call itself by that."""
        own = self.core.get("sr") or self.core.get("ss")
        if client is None or own is None or client == own.endpoint:
            return
        if _same_service(client, own.endpoint):
            client = Endpoint(None, client.ipv4, client.ipv6, client.port)
        self._side(own.endpoint).remote_endpoint = client


def _annotate(side: Span, annotation: V1Annotation) -> None:
    if side.annotations is not None:
        side.annotations.append(Annotation(annotation.timestamp, annotation.value))


def _same_service(left: Endpoint | None, right: Endpoint | None) -> bool:
    return (left.service_name if left else None) == (right.service_name if right else None)
