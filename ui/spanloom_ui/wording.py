"""Numbers, times and texts as people read them."""

import re
from datetime import UTC, datetime, timedelta

MINUS = "\N{MINUS SIGN}"
_UNITS = ((1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s"))
_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: int) -> str:
    """12,345."""
    return f"{value:,}".replace("-", MINUS)


def counted(value: int, noun: str) -> str:
    """1 span, 12,345 spans."""
    return f"{number(value)} {noun}" if value == 1 else f"{number(value)} {noun}s"


def duration(ns: int) -> str:
    """Three digits that matter: 345 ms, 12.3 µs, 1.24 s; from a minute on 2 min 5 s, 3 h 20 min, 4 d 1 h."""
    if ns < 0:
        return f"{MINUS}{duration(-ns)}"
    if ns < 1_000:
        return f"{ns} ns"
    if round(ns / _SECOND, 1) >= 60:
        return _long_duration(round(ns / _SECOND))
    return _short_duration(ns)


def _short_duration(ns: int) -> str:
    for size, unit in _UNITS:
        value = ns / size
        # 999.6 µs would round to 1000 µs: the next unit says it better.
        if float(f"{value:.3g}") < 1_000 or unit == "s":
            decimals = 2 if float(f"{value:.3g}") < 10 else 1 if float(f"{value:.3g}") < 100 else 0
            return f"{value:.{decimals}f} {unit}"
    raise AssertionError("the last unit takes everything")


def _long_duration(seconds: int) -> str:
    if seconds < 3_600:
        return _pair(seconds, 60, "min", "s")
    if seconds < 86_400:
        return _pair(round(seconds / 60), 60, "h", "min")
    return _pair(round(seconds / 3_600), 24, "d", "h")


def _pair(value: int, per_big: int, big: str, small: str) -> str:
    first, rest = divmod(value, per_big)
    return f"{number(first)} {big} {rest} {small}" if rest else f"{number(first)} {big}"


def offset(ns: int) -> str:
    """A place on a time line, with its sign: +345 ms, 0 for the start itself."""
    if ns == 0:
        return "0"
    return duration(ns) if ns < 0 else f"+{duration(ns)}"


def age(then_ns: int, *, now_ns: int) -> str:
    """12 s ago, 3 min ago, 5 h ago, 8 d ago; a clock that runs ahead gives "in 12 s"."""
    seconds = abs(now_ns - then_ns) // _SECOND
    if seconds < 1:
        return "now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            amount = f"{number(seconds // size)} {unit}"
            return f"{amount} ago" if then_ns <= now_ns else f"in {amount}"
    raise AssertionError("at least one second")


def moment(ns: int) -> str:
    """2026-01-31 12:34:56.789 UTC; the plain number where no calendar reaches."""
    at = _datetime(ns)
    return f"{ns} ns" if at is None else f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC"


def machine_moment(ns: int) -> str:
    """What `<time datetime>` takes; empty where no calendar reaches."""
    at = _datetime(ns)
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _datetime(ns: int) -> datetime | None:
    try:
        at = _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        return None
    # strftime pads years below 1000 differently on each platform, and no span is that old.
    return at if at.year >= 1000 else None


def breakable(text: str) -> list[str]:
    """*text* in the pieces between which a line may end: after dots, underscores, slashes and colons."""
    return re.findall(r"[^._/:]*[._/:]+|[^._/:]+", text)


def shortened(text: str, most: int) -> str:
    """The first *most* characters, with an ellipsis where there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
