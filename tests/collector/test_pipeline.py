"""Stages as a settings file tells them, and what becomes of spans."""

import asyncio
import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry

from spanloom_collector.counts import Counts
from spanloom_collector.following import Follower, file_reader
from spanloom_collector.pipeline.attribute_stages import Keys, delete
from spanloom_collector.pipeline.counts import PipelineCounts
from spanloom_collector.pipeline.language import read_stages
from spanloom_collector.pipeline.pipeline import Pipeline, chain
from spanloom_collector.pipeline.settings_file import FollowedPipeline, stages_of
from spanloom_collector.pipeline.span_stages import sample
from spanloom_collector.pipeline.stage import Stage
from spanloom_collector.pipeline.where import COMPARISONS, FIELDS, OWNERS
from spanloom_collector.receiver import SMALL_BYTES, Receiver
from spanloom_model.errors import MisconfiguredError
from spanloom_model.ids import TraceId
from spanloom_model.span import Attributes, AttributeValue, Resource, Span
from spanloom_storage import otlp
from spanloom_storage.batch import SpanRequest
from spanloom_storage.errors import Unavailable
from spanloom_storage.limits import SpanLimits
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import checked_of, request_of
from spanloom_storage.testing.samples import RICH_SPAN, span

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "pipeline.md").read_text()
BLOCKS: Final = re.findall(r"```toml\n(.*?)```(.*?)(?=```toml|\n## |\Z)", DOCUMENT, re.DOTALL)


class Store:
    """Where spans go behind the pipeline."""

    def __init__(self) -> None:
        self.requests: list[SpanRequest] = []
        self.trouble: Exception | None = None

    async def take(self, request: SpanRequest) -> None:
        """Keep a request, or fail."""
        if self.trouble is not None:
            raise self.trouble
        self.requests.append(request)

    @property
    def spans(self) -> list[Span]:
        """All spans, in no order."""
        return [one for request in self.requests for one in spans_of(otlp.decoded(request))]


def through(stages: Sequence[Stage], *spans: Span) -> list[Span]:
    """What is stored of spans that are sent together."""
    store = Store()
    pipeline = Pipeline(stages, then=store.take, counts=PipelineCounts(CollectorRegistry()))
    asyncio.run(pipeline(checked_of(spans)))
    return store.spans


def stages_from(*tables: Mapping[str, Any]) -> tuple[Stage, ...]:
    """Stages as TOML tells them."""
    return read_stages(list(tables))


def attributes_of(table: Mapping[str, Any]) -> Attributes:
    """As an example writes them."""
    return Attributes(tuple((key, frozen(value)) for key, value in table.items()))


def frozen(value: Any) -> AttributeValue:
    """A value of TOML as a span has it."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def cell(text: str) -> dict[str, Any]:
    """A cell of an example: lines of TOML."""
    return tomllib.loads("\n".join(re.findall(r"`([^`]+)`", text)))


def span_of(told: Mapping[str, Any]) -> Span:
    """A span that says what an example tells, and nothing else."""
    resource = {"service.name": told.get("service", "shop"), **told.get("resource", {})}
    return span(
        name=told.get("name", "GET /"),
        trace_id=TraceId(bytes(9) + bytes.fromhex(told.get("randomness", "f" * 14))),
        duration_ns=told.get("duration_ms", 1) * 10**6,
        trace_state=told.get("trace_state", ""),
        attributes=attributes_of(told.get("span", {})),
        resource=Resource(attributes=attributes_of(resource)),
    )


def examples() -> Iterator[tuple[str, str, str]]:
    """Each row below each block of TOML, up to the next block."""
    for toml, text in BLOCKS:
        table = text.partition("| sent | stored |\n|---|---|\n")[2].partition("\n\n")[0]
        for sent, stored in re.findall(r"^\| (.*?) \| ?(.*?) ?\|$", table, re.MULTILINE):
            yield toml, sent, stored


EXAMPLES: Final = list(examples())


@pytest.mark.parametrize(("toml", "sent", "stored"), EXAMPLES)
def test_examples_of_the_documentation_are_true(toml: str, sent: str, stored: str) -> None:
    """Whoever copies an example gets what stands beside it."""
    found = through(stages_of(toml.encode()), span_of(cell(sent)))
    if not stored:
        assert found == []
        return
    told = cell(stored)
    assert len(found) == 1
    one = found[0]
    resource = [pair for pair in one.resource.attributes if pair[0] != "service.name"]
    facts: dict[str, Any] = {
        "span": one.attributes,
        "resource": Attributes(tuple(resource)),
        "name": one.name,
        "service": one.service,
        "trace_state": one.trace_state,
    }
    for name, value in told.items():
        assert facts[name] == (attributes_of(value) if isinstance(value, dict) else value)


def test_every_stage_and_word_of_the_language_is_documented() -> None:
    """Nothing can be set that nobody can look up."""
    with pytest.raises(MisconfiguredError, match="none of") as refused:
        stages_from({"do": "?"})
    for do in str(refused.value).partition("none of ")[2].split(", "):
        assert f"\n| `{do}` |" in DOCUMENT
        assert any(f'do = "{do}"' in toml for toml, _ in BLOCKS)
    for word in (*FIELDS, *COMPARISONS, *OWNERS, "exists", "all", "any"):
        assert re.search(rf"`[^`]*\b{word}\b[^`]*`", DOCUMENT), word
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, "stage 1: do is missing"),
        ({"do": "hsah"}, "stage 1: do is 'hsah', none of delete, hash, redact"),
        ({"do": 1}, "stage 1: do is 1, not a text"),
        ({"do": "delete"}, r"stage 1 \(delete\): keys or key_pattern is missing"),
        ({"do": "delete", "keys": []}, r"keys is \[\], not a list of texts"),
        ({"do": "delete", "keys": "a"}, "keys is 'a', not a list"),
        ({"do": "delete", "keys": ["a"], "where": {}}, "where is unknown here; there are do, name, keys, "),
        ({"do": "delete", "keys": ["a"], "of": ["spans"]}, "of has 'spans', none of span, event, link"),
        ({"do": "delete", "keys": ["a"], "name": "encode"}, "name is 'encode', which is taken"),
        ({"do": "delete", "key_pattern": "("}, r"key_pattern is no regular expression that RE2 reads: '\('"),
        ({"do": "delete", "key_pattern": ""}, "key_pattern is empty"),
        ({"do": "hash", "keys": ["a"]}, r"stage 1 \(hash\): salt is missing"),
        ({"do": "hash", "keys": ["a"], "salt": "short"}, "salt is shorter than 8 characters"),
        ({"do": "redact"}, "keys, key_pattern or value_pattern is missing"),
        ({"do": "redact", "value_pattern": "a", "with": "\\2"}, "with is .* does not fit value_pattern"),
        ({"do": "rename", "keys": ["a"]}, r"keys is \['a'\], not a table"),
        ({"do": "rename", "keys": {"http": {"url": "x"}}}, "keys is not a table from old to new keys"),
        ({"do": "add_resource", "attributes": {"a": {"b": 1}}}, "a key with dots stands in quotes"),
        ({"do": "add_resource", "attributes": {"a": 2**63}}, "no text, number, truth or list of them"),
        ({"do": "add_resource", "attributes": {}}, "attributes is empty"),
        ({"do": "sample"}, r"stage 1 \(sample\): probability is missing"),
        ({"do": "sample", "probability": 0}, "probability is 0.0; it is above 0 and at most 1"),
        ({"do": "sample", "probability": 10}, "above 0 and at most 1"),
        ({"do": "sample", "probability": True}, "probability is True, not a number"),
        ({"do": "sample", "probability": 0.1, "how": "equal"}, "neither proportional nor equalizing"),
        ({"do": "keep"}, "where is missing"),
        ({"do": "keep", "where": {}}, "where is a table of conditions"),
        ({"do": "keep", "where": {"nmae": "a"}}, "where: nmae is no field; there are service, name"),
        ({"do": "keep", "where": {"span": {"http": 1}}}, "where: span is no field; .* in quotes"),
        ({"do": "keep", "where": {"name": {"under": 1}}}, "name has under, which is no comparison"),
        ({"do": "keep", "where": {"name": {}}}, "compares with nothing"),
        ({"do": "keep", "where": {"name": 5}}, "name: 5 is not a text"),
        ({"do": "keep", "where": {"name": []}}, r"name: \[\] is not a text"),
        ({"do": "keep", "where": {"name": {"matches": "["}}}, "matches is no regular expression"),
        ({"do": "keep", "where": {"kind": "servre"}}, "kind: 'servre' is none of unspecified, internal"),
        ({"do": "keep", "where": {"status": {"above": "ok"}}}, "above is for what has an order"),
        ({"do": "keep", "where": {"kind": {"matches": "s.*"}}}, "matches is for texts"),
        ({"do": "keep", "where": {"duration": 5}}, "duration: 5 is not a duration, such as"),
        ({"do": "keep", "where": {"duration": {"below": "5 days"}}}, "'5 days' is not a duration"),
        ({"do": "keep", "where": {"span.a": {"exists": "yes"}}}, "exists is true or false, not 'yes'"),
        ({"do": "keep", "where": {"span.a": [[1]]}}, "neither a text, a number, true nor false"),
        ({"do": "keep", "where": {"any": {"name": "a"}}}, "any is a list of tables"),
        ({"do": "keep", "where": {"any": [{"not": {"x": 1}}]}}, "where: any: not: x is no field"),
    ],
)
def test_mistakes_are_told_with_their_place(table: dict[str, Any], reason: str) -> None:
    """Which stage, which value, what is allowed: one sentence at start."""
    with pytest.raises(MisconfiguredError, match=reason):
        stages_from(table)


def test_stages_are_a_list_of_tables() -> None:
    """The commonest slip in TOML, one pair of brackets, is told as such."""
    with pytest.raises(MisconfiguredError, match=r"each under \[\[collector.stages\]\]"):
        stages_of(b'[collector.stages]\ndo = "delete"')
    with pytest.raises(MisconfiguredError, match=r"stage 2 \(delete\): name is 'x', which is taken"):
        stages_from(*[{"do": "delete", "keys": ["a"], "name": "x"}] * 2)


def test_stages_of_one_kind_have_names_of_their_own() -> None:
    """Metrics tell two deletions apart."""
    stages = stages_from(*[{"do": "delete", "keys": ["a"]}] * 3)
    assert [stage.name for stage in stages] == ["delete", "delete-2", "delete-3"]


async def test_no_stages_cost_nothing() -> None:
    """The very bytes that came are stored, not even looked at."""
    store = Store()
    pipeline = chain(then=store.take, counts=PipelineCounts(CollectorRegistry()))
    request = SpanRequest(b"never read", 1)
    await pipeline(request)
    assert store.requests[0] is request


async def test_stages_that_find_nothing_leave_the_bytes_alone() -> None:
    """What needs no change gets none."""
    store = Store()
    pipeline = chain(
        delete(Keys(names=frozenset(["password"]))),
        sample(1.0),
        then=store.take,
        counts=PipelineCounts(CollectorRegistry()),
    )
    request = checked_of([span(1, 1), span(1, 2, trace_state="ot=th:0")])
    await pipeline(request)
    assert store.requests[0] is request


async def test_what_is_left_out_is_counted_and_acknowledged() -> None:
    """Operators see by stage and reason where spans went, senders nothing; all gone is no request."""
    store, registry = Store(), CollectorRegistry()
    stages = stages_from({"do": "drop", "where": {"name": "noise"}}, {"do": "sample", "probability": 0.5})
    pipeline = Pipeline(stages, then=store.take, counts=PipelineCounts(registry))
    low = span(1, 1)
    await pipeline(checked_of([span(1, 1, name="noise"), low, RICH_SPAN, dataclasses.replace(low, name="b")]))
    assert store.requests == []

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"spanloom_collector_pipeline_{name}_total", labels)

    assert value("spans") == 4
    assert value("spans_dropped", stage="drop", reason="condition") == 1
    assert value("spans_dropped", stage="sample", reason="sampling") == 3
    for stage in ("decode", "drop", "sample", "encode"):
        assert value("seconds", stage=stage) is not None


async def test_trouble_behind_the_pipeline_reaches_the_sender() -> None:
    """Spans that could not be stored are not acknowledged."""
    store = Store()
    store.trouble = Unavailable("the disk is full")
    pipeline = chain(sample(1.0), then=store.take, counts=PipelineCounts(CollectorRegistry()))
    with pytest.raises(Unavailable, match="the disk is full"):
        await pipeline(checked_of([span()]))


async def test_large_requests_do_not_hold_up_others() -> None:
    """While one is changed, the doors go on."""
    store = Store()
    pipeline = chain(
        delete(Keys(pattern="^text$")), then=store.take, counts=PipelineCounts(CollectorRegistry())
    )
    large = checked_of([dataclasses.replace(RICH_SPAN, name=f"name {number}") for number in range(500)])
    assert len(large.data) > SMALL_BYTES
    working = asyncio.create_task(pipeline(large))
    await asyncio.sleep(0)
    assert not working.done()
    await working
    assert len(store.spans) == 500
    assert all("text" not in dict(one.attributes) for one in store.spans)


async def test_sender_of_what_is_left_out_is_told_that_it_was_taken() -> None:
    """Nobody sends again what was not wanted."""
    store, counts = Store(), Counts()
    stages = stages_from({"do": "drop", "where": {"name": "noise"}})
    pipeline = Pipeline(stages, then=store.take, counts=counts.pipeline)
    receiver = Receiver(
        pipeline, counts, max_request_spans=10, limits=SpanLimits(max_attributes=100, max_value_bytes=1000)
    )
    answer = await receiver.take(request_of([span(name="noise"), RICH_SPAN]), door="a door")
    assert (answer.rejected, answer.message) == ({}, "")
    assert store.spans == [RICH_SPAN]
    dropped = {"stage": "drop", "reason": "condition"}
    assert counts.registry.get_sample_value("spanloom_collector_pipeline_spans_dropped_total", dropped) == 1


def test_secrets_are_gone_wherever_they_stand() -> None:
    """Also in events, links, resources, scopes, lists and maps, and in what is no attribute."""
    secret = Attributes((("a", ("4111111111111111",)), ("b", Attributes((("c", 4111111111111111),)))))
    rich = dataclasses.replace(
        RICH_SPAN,
        name="pay 4111111111111111",
        status_message="no 4111111111111111",
        attributes=secret,
        events=(dataclasses.replace(RICH_SPAN.events[0], name="4111111111111111", attributes=secret),),
        links=(dataclasses.replace(RICH_SPAN.links[0], attributes=secret),),
        resource=Resource(attributes=secret),
        scope=dataclasses.replace(RICH_SPAN.scope, attributes=secret),
    )
    store = Store()
    stages = stages_from({"do": "redact", "value_pattern": r"\b\d{16}\b"})
    pipeline = Pipeline(stages, then=store.take, counts=PipelineCounts(CollectorRegistry()))
    asyncio.run(pipeline(checked_of([rich, span(3, 3)])))
    assert "4111111111111111" not in repr(store.spans)
    assert repr(store.spans).count("****") == 3 + 5 * 2


def test_names_that_become_the_same_are_found_together() -> None:
    """A later stage sees what an earlier one has left."""
    stages = stages_from(
        {"do": "redact", "value_pattern": r"\d+", "with": "N"}, {"do": "keep", "where": {"name": "GET /N"}}
    )
    found = through(stages, *(span(1, number, name=f"GET /{number}") for number in range(1, 5)), RICH_SPAN)
    assert [one.name for one in found] == ["GET /N"] * 4


def test_added_attributes_are_seen_by_later_stages() -> None:
    """A service that the collector names is a service."""
    stages = stages_from(
        {"do": "add_resource", "attributes": {"service.name": "named", "n": 1}, "overwrite": True},
        {"do": "keep", "where": {"service": "named", "resource.n": 1}},
    )
    assert {one.service for one in through(stages, span(), RICH_SPAN)} == {"named"}


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it does."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


HALF: Final = '[[collector.stages]]\ndo = "sample"\nprobability = 0.5'
ALL: Final = '[[collector.stages]]\ndo = "sample"\nprobability = 1'


async def test_one_number_is_turned_while_spans_come(tmp_path: Path) -> None:
    """Storage gets too much: whoever operates it writes another probability into the file."""
    file, store = tmp_path / "spanloom.toml", Store()
    file.write_text(ALL)
    followed = FollowedPipeline(file, then=store.take, counts=PipelineCounts(CollectorRegistry()))
    async with followed.running(every_s=0.01):
        await followed.consume(checked_of([span()]))
        assert len(store.spans) == 1
        before = followed.consume.stages
        file.write_text(HALF)
        await eventually(lambda: followed.consume.stages is not before)
        await followed.consume(checked_of([span()]))
        assert len(store.spans) == 1
        assert followed.trouble is None


async def test_mistake_in_the_file_changes_nothing_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Secrets stay out though somebody has mistyped; log and health say so until it is put right."""
    file = tmp_path / "spanloom.toml"
    file.write_text(ALL)
    followed = FollowedPipeline(file, then=Store().take, counts=PipelineCounts(CollectorRegistry()))
    async with followed.running(every_s=0.01):
        before = followed.consume.stages
        file.write_text(ALL.replace("1", "7"))
        await eventually(lambda: followed.trouble is not None)
        assert "stage 1 (sample): probability is 7.0" in str(followed.trouble)
        assert "what was there before stays in force" in caplog.text
        file.unlink()
        await eventually(lambda: "cannot be read" in str(followed.trouble))
        file.write_text("[[collector")
        await eventually(lambda: "not TOML" in str(followed.trouble))
        assert followed.consume.stages is before
        file.write_text(ALL)
        await eventually(lambda: followed.trouble is None)


async def test_mistake_at_start_ends_the_command(tmp_path: Path) -> None:
    """Nobody finds out later that stages were never in force."""
    file = tmp_path / "spanloom.toml"
    file.write_text(ALL.replace("1", "7"))
    followed = FollowedPipeline(file, then=Store().take, counts=PipelineCounts(CollectorRegistry()))
    with pytest.raises(MisconfiguredError, match=r"spanloom.toml: stage 1 \(sample\): probability is 7"):
        await followed.running().__aenter__()


async def test_file_that_is_being_written_is_not_taken(tmp_path: Path) -> None:
    """An editor empties a file before it fills it: in between, no stage may be missing."""
    file = tmp_path / "spanloom.toml"
    file.write_text(ALL)
    taken: list[bytes] = []
    follower = Follower("it", file_reader(file), taken.append, settles=True)
    follower.start()
    for text, times in (("", 1), (HALF, 1), ("", 1), (HALF, 2), (HALF, 3)):
        file.write_text(text)
        for _ in range(times):
            await follower.look()
    assert taken == [ALL.encode(), HALF.encode()]
