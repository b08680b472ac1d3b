"""Hypothesis strategies for queries that make sense, about spans of `spanloom_storage.testing.queries`."""

from typing import Any, Final

from hypothesis import strategies as st

from spanloom_query.language.syntax import (
    Aggregated,
    AttributeName,
    Binary,
    Coalesce,
    Combined,
    Comparison,
    Constant,
    Expression,
    Filter,
    GroupBy,
    Hint,
    IntrinsicName,
    Limited,
    Logical,
    Metric,
    Name,
    Named,
    Number,
    Query,
    Ranked,
    Related,
    Scope,
    Select,
    Spanset,
    Stage,
    Type,
    Unary,
    Wrapped,
)
from spanloom_storage.testing.queries import IDS, KEYS, REGEXES, SERVICES, WORDS

Expressions = st.SearchStrategy[Expression]
EQUALITIES: Final = st.sampled_from(["=", "!="])
RELATIONS: Final = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
CALCULATIONS: Final = st.sampled_from(["+", "-", "*", "/", "%", "^"])
AND_OR: Final = st.sampled_from(["&&", "||"])

_RUN_SCOPES: Final = st.sampled_from([one for one in Scope if one is not Scope.PARENT])
ATTRIBUTES: Final = st.builds(AttributeName, _RUN_SCOPES, KEYS | st.just("n"))


def _intrinsics(*named: Named) -> Expressions:
    return st.sampled_from(named).map(IntrinsicName)


NUMERIC: Final = _intrinsics(
    Named.DURATION, Named.TRACE_DURATION, Named.CHILD_COUNT, Named.EVENT_TIME_SINCE_START
)
TEXTS: Final = _intrinsics(
    Named.NAME,
    Named.STATUS_MESSAGE,
    Named.ROOT_NAME,
    Named.ROOT_SERVICE,
    Named.EVENT_NAME,
    Named.INSTRUMENTATION_NAME,
    Named.INSTRUMENTATION_VERSION,
) | st.just(AttributeName(Scope.RESOURCE, "service.name"))
ID_FIELDS: Final = _intrinsics(
    Named.ID, Named.PARENT_ID, Named.TRACE_ID, Named.LINK_TRACE_ID, Named.LINK_SPAN_ID
)


def _constants(of: Type, values: st.SearchStrategy[Any]) -> Expressions:
    return values.map(lambda value: Constant(of, value))


STRINGS: Final = _constants(Type.STRING, WORDS | SERVICES)
NUMBERS: Final = (
    _constants(Type.INT, st.integers(0, 60) | st.sampled_from([2**53 + 1, 2**63 - 1]))
    | _constants(Type.FLOAT, st.sampled_from([0.0, 0.5, 1.0, 2.0**53, 2.0**63]))
    | _constants(Type.DURATION, st.integers(0, 60))
)
TRUTHS: Final = _constants(Type.BOOL, st.booleans())
STATUSES: Final = _constants(Type.STATUS, st.sampled_from(["ok", "error", "unset"]))
KINDS: Final = _constants(
    Type.KIND, st.sampled_from(["unspecified", "internal", "server", "client", "producer", "consumer"])
)


def _binary(operators: st.SearchStrategy[str], left: Expressions, right: Expressions) -> Expressions:
    return st.builds(Binary, operators, left, right)


def _both_ways(operators: st.SearchStrategy[str], left: Expressions, right: Expressions) -> Expressions:
    return _binary(operators, left, right) | _binary(operators, right, left)


CALCULATED: Final[Expressions] = st.recursive(
    NUMERIC | ATTRIBUTES | NUMBERS,
    lambda inner: _binary(CALCULATIONS, inner, inner) | st.builds(Unary, st.just("-"), inner),
    max_leaves=3,
)
NIL: Final = st.just(Constant(Type.NIL, ""))
OPTIONAL: Final = ATTRIBUTES | _intrinsics(
    Named.STATUS_MESSAGE, Named.PARENT_ID, Named.ROOT_NAME, Named.EVENT_NAME, Named.LINK_SPAN_ID
)
LEAVES: Final[Expressions] = st.one_of(
    _both_ways(RELATIONS, NUMERIC | ATTRIBUTES, NUMBERS),
    _both_ways(RELATIONS, TEXTS | ATTRIBUTES, STRINGS),
    _both_ways(EQUALITIES, ATTRIBUTES, TRUTHS),
    _both_ways(RELATIONS, ID_FIELDS, _constants(Type.STRING, IDS | st.sampled_from(["1", "0A"]))),
    _binary(EQUALITIES, _intrinsics(Named.STATUS), STATUSES),
    _binary(EQUALITIES, _intrinsics(Named.KIND), KINDS),
    _binary(st.sampled_from(["=~", "!~"]), TEXTS | ATTRIBUTES, _constants(Type.STRING, REGEXES)),
    _both_ways(EQUALITIES, OPTIONAL, NIL),
    _binary(RELATIONS, CALCULATED, CALCULATED),
    _binary(RELATIONS, TEXTS | ATTRIBUTES, TEXTS | ATTRIBUTES),
    _binary(
        st.sampled_from(["<", ">="]),
        _intrinsics(Named.NESTED_SET_PARENT),
        st.just(Constant(Type.INT, 0)),
    ),
    ATTRIBUTES,
    TRUTHS,
)
CONDITIONS: Final[Expressions] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Logical, AND_OR, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Unary, st.just("!"), inner),
        _binary(EQUALITIES, inner, inner),
    ),
    max_leaves=4,
)
FILTERS: Final[st.SearchStrategy[Spanset]] = st.builds(Filter, st.none() | CONDITIONS)

_COUNT: Final = st.just(Aggregated("count", None))
AGGREGATES: Final[st.SearchStrategy[Number]] = _COUNT | st.builds(
    Aggregated,
    st.sampled_from(["min", "max", "avg", "sum"]),
    # Of others sums depend on the order, as doubles do.
    st.sampled_from([IntrinsicName(Named.DURATION), AttributeName(Scope.ANY, "n")]),
)
FIGURES: Final[st.SearchStrategy[Number]] = st.recursive(
    AGGREGATES | st.integers(0, 3).map(lambda one: Constant(Type.INT, one)),
    lambda inner: st.builds(Binary, CALCULATIONS, inner, inner) | st.builds(Unary, st.just("-"), inner),
    max_leaves=2,
)
COMPARISONS: Final[st.SearchStrategy[Stage]] = st.builds(Comparison, RELATIONS, AGGREGATES, FIGURES)


def _stages(first: st.SearchStrategy[Any], others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda one, more: (one, *more), first, st.lists(others, max_size=2))


SPANSETS: Final[st.SearchStrategy[Spanset]] = st.recursive(
    FILTERS,
    lambda inner: st.one_of(
        st.builds(Combined, AND_OR, st.lists(inner, min_size=2, max_size=2).map(tuple)),
        st.builds(Wrapped, st.builds(lambda *stages: stages, inner, COMPARISONS | FILTERS)),
    ),
    max_leaves=3,
)
QUERIES: Final = st.builds(Query, _stages(SPANSETS | COMPARISONS, COMPARISONS | FILTERS))
"""That are run."""

_FIELDS: Final[st.SearchStrategy[tuple[Name, ...]]] = st.lists(
    st.builds(AttributeName, st.sampled_from(Scope), st.text(max_size=5))
    | st.sampled_from(Named).map(IntrinsicName),
    min_size=1,
    max_size=2,
).map(tuple)
_FIELD: Final = _FIELDS.map(lambda fields: fields[0])
_NUMERIC_FIELD: Final = st.sampled_from(
    [IntrinsicName(Named.DURATION), IntrinsicName(Named.CHILD_COUNT), AttributeName(Scope.SPAN, "n")]
)
_BY: Final = st.just(()) | _FIELDS
_QUANTILES: Final = st.lists(
    st.sampled_from([0.5, 0.99]).map(lambda one: Constant(Type.FLOAT, one)), min_size=1, max_size=2
).map(tuple)
METRICS: Final = st.one_of(
    st.builds(Metric, st.sampled_from(["rate", "count_over_time"]), by=_BY),
    st.builds(Metric, st.sampled_from(["min_over_time", "histogram_over_time"]), _NUMERIC_FIELD, by=_BY),
    st.builds(Metric, st.just("quantile_over_time"), _NUMERIC_FIELD, _QUANTILES, by=_BY),
    st.builds(Metric, st.just("compare"), against=FILTERS),
)
_SECOND: Final = st.builds(Ranked, st.sampled_from(["topk", "bottomk"]), st.integers(1, 9)) | st.builds(
    Limited, RELATIONS, st.integers(-3, 3).map(lambda one: Constant(Type.INT, one))
)
RELATED: Final = st.builds(
    Related,
    st.sampled_from([how + relation for how in ("", "!", "&") for relation in (">", ">>", "<", "<<", "~")]),
    SPANSETS,
    SPANSETS,
)
_OTHER_STAGES: Final = st.one_of(
    st.builds(GroupBy, _FIELD), st.just(Coalesce()), st.builds(Select, _FIELDS), FILTERS, COMPARISONS
)
_HINTS: Final = st.lists(st.builds(Hint, st.just("sample"), TRUTHS), max_size=1).map(tuple)
ALL_QUERIES: Final = QUERIES | st.builds(
    Query,
    st.builds(
        lambda first, others, metric: (first, *others, *metric),
        SPANSETS | RELATED,
        st.lists(_OTHER_STAGES, max_size=2),
        st.just(()) | st.builds(lambda one, more: (one, *more), METRICS, st.lists(_SECOND, max_size=2)),
    ),
    _HINTS,
)
"""That are understood."""
