"""Random numbers (splitmix64): each span has a seed, so what it holds does not depend on its request."""

import numpy as np

from spanloom_storage.kernels.compiled import inlined


@inlined
def mixed(value):
    """64 bits that look random, the same for the same value."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@inlined
def bits(chance, stream):
    """The next 64 bits of a stream."""
    chance[stream] += np.uint64(0x9E3779B97F4A7C15)
    return mixed(chance[stream])


@inlined
def fraction(value):
    """Bits as a number from 0 up to 1."""
    return np.float64(value >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inlined
def uniform(chance, stream):
    """From 0 up to 1."""
    return fraction(bits(chance, stream))


@inlined
def below(chance, stream, limit):
    """A whole number from 0 up to a limit below 2³²."""
    return np.int64(((bits(chance, stream) >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@inlined
def normal(chance, stream):
    """Around 0 with deviation 1 (Box and Muller)."""
    distance = np.sqrt(-2.0 * np.log(1.0 - uniform(chance, stream)))
    return distance * np.cos(6.283185307179586 * uniform(chance, stream))


@inlined
def exponential(chance, stream):
    """Around 1."""
    return -np.log(1.0 - uniform(chance, stream))
