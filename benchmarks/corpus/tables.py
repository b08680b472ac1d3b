"""The shop as kernels read it: arrays, and texts as they are on the wire."""

import uuid
from functools import cache
from math import log
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.corpus.attributes import COPIES, host
from benchmarks.corpus.failures import FAILURES, MESSAGES
from benchmarks.corpus.kernels.rows import OPERATION, STEP, Role, Source, Tables
from benchmarks.corpus.operations import Operation, operations
from benchmarks.corpus.programs import Assembler, Attributes, Number, pair, words
from benchmarks.corpus.services import ROOTS, SCOPES, SERVICES, VERSIONS
from spanloom_model import wire

_MS: Final = 1_000_000


@cache
def tables(seed: int) -> Tables:
    """Everything, assembled; the seed makes the instances' ids."""
    assembler = Assembler()
    known = operations()
    numbers = {key: number for number, key in enumerate(known)}
    events, event_rows = _events(assembler)
    scopes: dict[bytes, int] = {}
    steps: list[tuple[float, int]] = []
    rows = np.zeros(len(known), OPERATION)
    for row, one in zip(rows, known.values(), strict=True):
        _fill(row, one, assembler, events)
        row["scope"] = scopes.setdefault(_scope(one), len(scopes))
        row["callee"] = numbers[one.callee] if one.callee else -1
        row["steps"] = len(steps)
        steps += [(chance, numbers[key]) for chance, key in one.steps]
        row["steps_end"] = len(steps)
    resources = [
        assembler.put(_resource(service, copy, host(number * COPIES + copy), seed))
        for number, service in enumerate(SERVICES)
        for copy in range(COPIES)
    ]
    messages = [
        assembler.put(wire.field(15, wire.field(2, text.encode()) + b"\x18\x02")) for text in MESSAGES
    ]
    scope_places = [assembler.put(scope) for scope in scopes]
    return Tables(
        operations=rows,
        program=assembler.table(),
        steps=np.array(steps, STEP),
        roots=_roots(known),
        text=np.frombuffer(assembler.text, np.uint8).copy(),
        choices=np.array(assembler.choices, np.int32),
        events=np.array(event_rows, np.int32),
        messages=np.array(messages, np.int32),
        resources=np.array(resources, np.int32),
        scopes=np.array(scope_places, np.int32),
        hosts=np.array([host(number) for number in range(len(resources))], np.int64),
    )


def _fill(row: Any, one: Operation, assembler: Assembler, events: dict[str, int]) -> None:
    """All of an OPERATION but its relations to others."""
    language = SERVICES[one.service].language
    head = wire.field(5, one.name.encode()) + bytes([0x30, one.kind])
    row["head"], row["head_size"] = assembler.put(head)
    row["program"], row["program_end"] = assembler.program(one.attributes)
    row["service"] = list(SERVICES).index(one.service)
    row["role"] = one.role
    row["mu"], row["sigma"] = log(one.timing.median_ms * _MS), one.timing.sigma
    row["fails"], row["tells"] = one.fails, one.tells
    row["event"] = events[one.event] if one.event else -1
    row["failures"], row["failure_count"] = events[language], len(FAILURES[language])
    row["order"] = one.order


def _resource(service: str, copy: int, on_host: int, seed: int) -> bytes:
    """What an instance says of itself."""
    language = SERVICES[service].language
    number = list(SERVICES).index(service)
    pairs = {
        "service.name": service,
        "service.version": f"{1 + number % 4}.{number * 7 % 30}.{number * 3 % 11}",
        "service.instance.id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{service}/{copy}/{seed}")),
        "host.name": f"node-{on_host:02}.eu-west-1.shop.internal",
        "deployment.environment.name": "production",
        "telemetry.sdk.language": language,
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": VERSIONS[language],
    }
    return wire.field(1, b"".join(pair(key, value, "resource") for key, value in pairs.items()))


def _scope(one: Operation) -> bytes:
    """The library that makes an operation's spans."""
    known = SCOPES[SERVICES[one.service].language]
    name, version = known.get(one.library, (f"shop.{one.service}", "1.0.0"))
    return wire.field(1, wire.field(1, name.encode()) + wire.field(2, version.encode()))


def _events(assembler: Assembler) -> tuple[dict[str, int], list[tuple[int, int, int, int]]]:
    """(number of an event by its name or language, the events)."""
    events: list[tuple[int, int, int, int]] = []
    numbers: dict[str, int] = {}

    def add(name: str, pairs: Attributes) -> None:
        events.append((*assembler.put(wire.field(2, name.encode())), *assembler.program(pairs, "event")))

    numbers["cache.miss"] = len(events)
    add("cache.miss", [("app.cache.ttl", Number(Source.DEADLINE, 3, 36)), ("app.cache.tier", "regional")])
    numbers["retry"] = len(events)
    delay = Number(Source.RANDOM, 10, 400)
    add("retry", [("retry.attempt", Number(Source.RANDOM, 1, 3)), ("retry.delay.ms", delay)])
    for language, failures in FAILURES.items():
        numbers[language] = len(events)
        for one in failures:
            before, behind = one.message
            pairs: Attributes = [
                ("exception.type", one.type),
                ("exception.message", words(before, Number(Source.RANDOM, 100, 99_999), behind)),
                ("exception.stacktrace", one.stack),
            ]
            add("exception", pairs)
    return numbers, events


def _roots(known: dict[str, Operation]) -> npt.NDArray[np.float64]:
    """(cumulative chance, operation) of what traces begin with."""
    numbers = {key: number for number, key in enumerate(known)}
    chances = {numbers[f"frontend {offer}"]: chance / 100 for offer, chance in ROOTS.items()}
    consumers = [numbers[key] for key, one in known.items() if one.role == Role.CONSUMER]
    chances |= {number: (1 - sum(ROOTS.values()) / 100) / len(consumers) for number in consumers}
    return np.array(list(zip(np.cumsum(list(chances.values())), chances, strict=True)))
