"""Traces: how many spans, which operations below which, how long each takes, what fails."""

import numpy as np

from benchmarks.corpus.kernels.chance import below, bits, exponential, normal, uniform
from benchmarks.corpus.kernels.compiled import compiled
from benchmarks.corpus.kernels.rows import Role, State
from spanloom_storage.kernels.compiled import inlined

MOST = 400
_COPIES = 3
"""Instances of a service."""
_USERS = 100_000
_PRODUCERS = 256


@inlined
def _add(tree, count, parent, operation, instance, thread):
    """One more span under another."""
    tree.operation[count] = operation
    tree.parent[count] = parent
    tree.instance[count] = instance
    tree.thread[count] = thread
    tree.peer[count] = -1
    return count + 1


@inlined
def _call(tree, count, size, parent, operation, tables, chance):
    """A step of a parent: a leaf, or a client with the server that it calls. (spans, the server or -1)."""
    client = count
    count = _add(tree, count, parent, operation, tree.instance[parent], tree.thread[parent])
    tree.exchange[client] = bits(chance, 0)
    if tables.operations[operation].role != Role.CLIENT or count >= size:
        return count, -1
    callee = tables.operations[operation].callee
    instance = tables.operations[callee].service * _COPIES + below(chance, 0, _COPIES)
    count = _add(tree, count, client, callee, instance, 1 + below(chance, 0, 48))
    tree.exchange[client + 1] = tree.exchange[client]
    tree.peer[client] = instance
    tree.peer[client + 1] = tree.instance[client]
    return count, client + 1


@compiled
def _grow(tree, size, root, tables, chance):
    """Fill a tree with so many spans, parents before children: first what operations do, then more of it."""
    service = tables.operations[root].service
    count = _add(tree, 0, -1, root, service * _COPIES + below(chance, 0, _COPIES), 1 + below(chance, 0, 48))
    tree.exchange[0] = bits(chance, 0)
    tree.open[0] = 0
    begun, found = 0, 1
    while count < size:
        if begun < found:
            parent = tree.open[begun]
            begun += 1
            operation = tables.operations[tree.operation[parent]]
            for step in range(operation.steps, operation.steps_end):
                if count >= size:
                    break
                if uniform(chance, 0) < tables.steps[step].chance:
                    count, server = _call(
                        tree, count, size, parent, tables.steps[step].operation, tables, chance
                    )
                    if server >= 0:
                        tree.open[found] = server
                        found += 1
        else:  # a loop in the code, one call for each of several things
            parent = tree.open[below(chance, 0, found)]
            operation = tables.operations[tree.operation[parent]]
            step = operation.steps + below(chance, 0, operation.steps_end - operation.steps)
            for _ in range(1 + below(chance, 0, 8)):
                if count >= size:
                    break
                count, server = _call(tree, count, size, parent, tables.steps[step].operation, tables, chance)
                if server >= 0:
                    tree.open[found] = server
                    found += 1
    return count


@inlined
def _time(tree, count, start, tables, chance):
    """Durations from the leaves up, then starts from the root down: children lie inside their parents."""
    for number in range(count):
        operation = tables.operations[tree.operation[number]]
        own = np.exp(operation.mu + operation.sigma * normal(chance, 0))
        tree.own[number] = 1_000 + np.int64(min(own, 20e9))
        tree.inside[number] = 0
        tree.children[number] = 0
        tree.abreast[number] = uniform(chance, 0) < 0.3
    for number in range(count - 1, 0, -1):
        parent = tree.parent[number]
        length = tree.own[number] + tree.inside[number]
        tree.children[parent] += 1
        if tree.abreast[parent]:
            tree.inside[parent] = max(tree.inside[parent], length)
        else:
            tree.inside[parent] += length
    tree.start[0] = start
    for number in range(count):
        if number:
            parent = tree.parent[number]
            length = tree.own[number] + tree.inside[number]
            # Together the gaps take at most 0.4 of the parent's own time, the way to the first 0.5.
            gap = np.int64(0.4 * tree.own[parent] / tree.children[parent] * uniform(chance, 0))
            tree.start[number] = tree.next[parent] + gap
            if not tree.abreast[parent]:
                tree.next[parent] = tree.start[number] + length
        tree.next[number] = tree.start[number] + np.int64(0.5 * uniform(chance, 0) * tree.own[number])


@inlined
def _fail(tree, count, tables, chance):
    """Where errors begin, and how far up they come."""
    for number in range(count):
        fails = uniform(chance, 0) < tables.operations[tree.operation[number]].fails
        tree.error[number] = np.uint8(1) if fails else np.uint8(0)
    for number in range(count - 1, 0, -1):
        parent = tree.parent[number]
        if tree.error[number] and not tree.error[parent]:
            called = tables.operations[tree.operation[parent]].role == Role.CLIENT
            if called or uniform(chance, 0) < 0.4:
                tree.error[parent] = 2


@inlined
def _root(tables, chance):
    """What a trace begins with."""
    place = uniform(chance, 0)
    for number in range(len(tables.roots)):
        if place < tables.roots[number, 0]:
            return np.int64(tables.roots[number, 1])
    return np.int64(tables.roots[len(tables.roots) - 1, 1])


@inlined
def _user(chance):
    """Some come often."""
    place = uniform(chance, 0)
    if uniform(chance, 0) < 0.3:
        place = place**3
    return np.int64(place * _USERS)


@inlined
def _order(kind, state, chance):
    """A new one, one of the last few thousand, or none."""
    if kind == 1:
        state[State.ORDERS] += 1
        return state[State.ORDERS] - 1
    if kind == 2 and state[State.ORDERS]:
        return state[State.ORDERS] - 1 - below(chance, 0, min(state[State.ORDERS], 5_000))
    return np.int64(-1)


@inlined
def _link(span, role, number, producers, state, chance):
    """Consumers link to a producer's span of before, others seldom."""
    if not (number == 0 and role == Role.CONSUMER) and uniform(chance, 0) >= 0.0055:
        return
    known = min(state[State.PRODUCERS], _PRODUCERS)
    if known:
        producer = below(chance, 0, known)
        span.link_high = producers[producer, 0]
        span.link_low = producers[producer, 1]
        span.link_id = producers[producer, 2]


@compiled
def traces(spans, count, upto, most, rate, state, chance, tree, producers, sizes, tables):
    """Add traces until *upto* spans wait or *most* have been made; how many spans wait then."""
    while count < upto and state[State.MADE] < most:
        root = _root(tables, chance)
        size = np.int64(np.round(np.exp(2.485 + 1.02 * normal(chance, 0))))
        size = min(max(size, 1), MOST, most - state[State.MADE])
        trace_high, trace_low = bits(chance, 0), bits(chance, 0)
        user = _user(chance)
        order = _order(tables.operations[root].order, state, chance)
        _grow(tree, size, root, tables, chance)
        _time(tree, size, state[State.NOW_NS], tables, chance)
        _fail(tree, size, tables, chance)
        traced = np.uint8(1) if uniform(chance, 0) < 0.02 else np.uint8(0)
        for number in range(size):
            row = tree[number]
            operation = tables.operations[row.operation]
            span = spans[count + number]
            row.id = bits(chance, 0)
            span.trace_high, span.trace_low, span.id = trace_high, trace_low, row.id
            span.parent = tree[row.parent].id if number else np.uint64(0)
            span.start = row.start
            span.end = row.start + row.own + row.inside
            span.seed = bits(chance, 0)
            span.exchange = row.exchange
            span.user, span.order = user, order
            span.operation, span.instance = row.operation, row.instance
            span.peer, span.thread = row.peer, row.thread
            span.error = row.error
            told = operation.event >= 0 and uniform(chance, 0) < operation.tells
            span.event = np.uint8(1) if told else np.uint8(0)
            span.state = traced
            span.link_high = span.link_low = span.link_id = np.uint64(0)
            _link(span, operation.role, number, producers, state, chance)
            if operation.role == Role.PRODUCER:
                place = state[State.PRODUCERS] % _PRODUCERS
                producers[place, 0], producers[place, 1], producers[place, 2] = trace_high, trace_low, row.id
                state[State.PRODUCERS] += 1
        sizes[size] += 1
        count += size
        state[State.MADE] += size
        state[State.NOW_NS] += np.int64(exponential(chance, 0) * size / rate * 1e9)
    return count
