"""`spanloom storage …` as a person uses it: what it prints, what it leaves, how it refuses."""

import asyncio
import io
import json
import os
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spanloom_allinone import storage_commands, storage_export
from spanloom_allinone.main import main
from spanloom_allinone.progress import Progress
from spanloom_model.span import Span
from spanloom_storage import otlp_json
from spanloom_storage.api import TraceQuery
from spanloom_storage.embedded import EmbeddedStorage, segment
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import MERGE_BLOCKS, seal
from spanloom_storage.spans import spans_of
from spanloom_storage.testing import checked_of, request_of
from spanloom_storage.testing.samples import NOON_NS, RICH_SPAN, span
from tests.processes import COMMAND

SPANS = [
    RICH_SPAN,
    span(1, 7, service="cart", name="GET /cart", start_ns=NOON_NS + 5),
    *(span(n, n, service="shop", start_ns=NOON_NS + n * 1000, duration_ns=n * 10**6) for n in range(2, 30)),
]


def fill(directory: Path, spans: Sequence[Span] = SPANS, *, in_blocks: bool = False) -> None:
    """Put spans into a store: one segment or block each, as if by many short runs."""

    async def make() -> None:
        async with EmbeddedStorage(directory).writer():
            pass

    if not directory.exists():  # a writer puts in order at once what is there
        asyncio.run(make())
    catalog = Catalog(directory)
    for one in spans:
        path = catalog.next_segment(0)
        with path.open("wb") as file:
            segment.append(file, [checked_of([one]).data], span_count=1, received_ns=NOON_NS)
        if in_blocks:
            seal(catalog, path)


def stored(directory: Path) -> list[Span]:
    """All spans of a store, sorted."""

    async def read() -> list[Span]:
        async with EmbeddedStorage(directory).reader() as reader:
            page = await reader.find(TraceQuery(limit=1000))
            return [one for found in page.traces for one in spans_of(await reader.trace(found.trace_id))]

    return sorted(asyncio.run(read()), key=lambda one: (one.trace_id, one.span_id, one.service))


def fails(*arguments: str) -> str:
    """Run a command that is to fail; its sentence."""
    with pytest.raises(SystemExit) as ended:
        main(["storage", *arguments])
    said = ended.value.code
    assert isinstance(said, str), "the interpreter prints it and ends with 1"
    assert said.startswith("spanloom: ")
    assert "\n" not in said
    return said.removeprefix("spanloom: ")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with some traces, part of them in blocks."""
    fill(tmp_path / "store", SPANS[:12], in_blocks=True)
    fill(tmp_path / "store", SPANS[12:])
    return tmp_path / "store"


def tree_of(directory: Path) -> dict[str, bytes]:
    """Every file with what is in it."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.mark.parametrize("command", ["info", "verify", "compact", "export", "import"])
def test_every_command_tells_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` says where the data is by default, the same as for `spanloom run`."""
    with pytest.raises(SystemExit) as ended:
        main(["storage", command, "--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--data DIR the directory of the embedded store (default: ~/.local/share/spanloom)" in said


def test_formats_are_the_ones_there_are() -> None:
    """What --help offers is what export can do."""
    assert tuple(storage_export.FORMATS) == storage_commands.FORMATS


def test_info_tells_what_is_there(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Segments, blocks, times and keys, for a person; nothing is changed by looking."""
    before = tree_of(store)
    main(["storage", "info", "--data", str(store)])
    said = capsys.readouterr()
    assert "segments      18: 18 spans" in said.out
    assert "blocks        12: 12 spans, 12 traces" in said.out
    assert "event.key" in said.out
    assert "damaged       none" in said.out
    assert said.err == "", "progress is for terminals"
    assert tree_of(store) == before


def test_info_in_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs."""
    main(["storage", "info", "--json", "--data", str(store)])
    found = json.loads(capsys.readouterr().out)
    assert found["segments"]["spans"] == 18
    assert found["blocks"]["count"] == found["blocks"]["spans"] == 12
    assert found["blocks"]["received_range_ns"] == [NOON_NS, NOON_NS]
    assert found["blocks"]["start_range_ns"][0] == min(one.start_ns for one in SPANS[:12])
    keys = {(one["owner"], one["key"], one["type"]) for one in found["largest_attributes"]}
    assert {("span", "number", "int"), ("resource", "service.name", "string")} <= keys


def test_data_comes_from_the_environment(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting of `spanloom run` is the setting here."""
    monkeypatch.setenv("SPANLOOM_DATA", str(store))
    main(["storage", "verify"])
    assert "all as they were written" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["info"], ["verify"], ["compact"], ["export", "--to", "-"]])
def test_wrong_directory_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    """A misspelt path is told, and nothing is made there."""
    missing = tmp_path / "missing"
    assert fails(*command, "--data", str(missing)) == f"there is no data directory {missing}"
    assert fails(*command, "--data", str(tmp_path)) == f"the directory {tmp_path} holds no Spanloom data"
    assert list(tmp_path.iterdir()) == []


def test_another_storage_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not on the disk cannot be looked after."""
    monkeypatch.setenv("SPANLOOM_STORAGE", "memory:")
    assert fails("info") == "this is for the embedded store, and the storage is memory:"


def test_verify_names_each_damaged_file_and_changes_nothing(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flipped bits in a segment and two blocks' files are all told, with exit code 1."""
    hurt = [
        next(store.glob("segments/*.otlp")),
        *(
            block / name
            for block, name in zip(store.glob("blocks/*"), ("spans.parquet", "traces.parquet"), strict=False)
        ),
    ]
    for path in hurt:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    facts = sorted(store.glob("blocks/*/block.json"))
    lost = next(path for path in facts if path.parent not in {one.parent for one in hurt})
    lost.write_text("{")
    before = tree_of(store)
    assert fails("verify", "--data", str(store)).startswith("4 of ")
    said = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in said} == {str(path.relative_to(store)) for path in [*hurt, lost]}
    assert tree_of(store) == before


def test_torn_end_is_no_damage(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a crash left half written was never acknowledged."""
    path = max(store.glob("segments/*.otlp"))
    with path.open("ab") as file:
        file.write(b"SLF2 and not much more")
    main(["storage", "verify", "--data", str(store)])
    assert f"segments/{path.name} ends in 22 bytes that were never acknowledged" in capsys.readouterr().out


def test_compact_leaves_few_blocks_and_all_spans(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Thirty files become a handful, and every trace is as it was."""
    before = stored(store)
    main(["storage", "compact", "--data", str(store)])
    said = capsys.readouterr().out
    assert said.startswith("18 segments sealed, ")
    assert " before, " in said
    assert " after" in said
    assert list(store.glob("segments/*")) == []
    assert len(list(store.glob("blocks/*"))) < MERGE_BLOCKS
    assert stored(store) == before
    main(["storage", "verify", "--data", str(store)])


def test_compact_leaves_damaged_blocks_alone_and_names_them(store: Path) -> None:
    """Damage is not merged into what is whole."""
    block = min(store.glob("blocks/*"))
    path = block / "spans.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert block.name in fails("compact", "--data", str(store))
    assert path.read_bytes() == data
    assert len(list(store.glob("blocks/*"))) <= MERGE_BLOCKS


@pytest.mark.parametrize("command", [["compact"], ["import", __file__]])
def test_commands_that_write_refuse_while_a_spanloom_writes(store: Path, command: list[str]) -> None:
    """Two writers never; the sentence says which process has the data."""

    async def refused() -> str:
        async with EmbeddedStorage(store).writer():
            return await asyncio.to_thread(fails, *command, "--data", str(store))

    said = asyncio.run(refused())
    assert said == (f"the data directory {store} is in use by another Spanloom (process {os.getpid()})")


@pytest.mark.parametrize("form", ["otlp", "jsonl"])
def test_export_and_import_make_the_same_store(store: Path, tmp_path: Path, form: str) -> None:
    """Every field of every span comes through a file."""
    file, other = tmp_path / f"traces.{form}", tmp_path / "other"
    main(["storage", "export", "--data", str(store), "--to", str(file), "--format", form])
    main(["storage", "import", "--data", str(other), str(file)])
    assert stored(other) == stored(store)
    assert len(stored(other)) == len(SPANS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "store", file.name]


def test_importing_twice_doubles_nothing(store: Path, tmp_path: Path) -> None:
    """Whoever is not sure that an import went through repeats it."""
    file = tmp_path / "traces.otlp"
    main(["storage", "export", "--data", str(store), "--to", str(file)])
    main(["storage", "import", "--data", str(store), str(file), str(file)])
    assert len(stored(store)) == len(SPANS)


def test_export_as_table(store: Path, tmp_path: Path) -> None:
    """A table that any tool reads: a row a span, ids in hex, attributes as JSON."""
    file = tmp_path / "spans.parquet"
    main(["storage", "export", "--data", str(store), "--to", str(file), "--format", "parquet"])
    table = pq.read_table(file)
    assert str(table.schema.field("start").type) == "timestamp[ns, tz=UTC]"
    # Python's own datetime has no nanoseconds.
    exact = table.set_column(table.schema.get_field_index("start"), "start", table["start"].cast("int64"))
    rows = {(row["trace_id"], row["span_id"]): row for row in exact.to_pylist()}
    assert len(rows) == len(SPANS)
    rich = rows[RICH_SPAN.trace_id.hex(), RICH_SPAN.span_id.hex()]
    assert (rich["service"], rich["name"], rich["kind"]) == ("shop", "überall 🧵", "consumer")
    assert (rich["status"], rich["status_message"], rich["parent_id"]) == ("error", "no stock", f"{2:016x}")
    assert (rich["start"], rich["duration_ns"]) == (RICH_SPAN.start_ns, RICH_SPAN.duration_ns)
    attributes = json.loads(rich["attributes"])
    assert (attributes["text"], attributes["yes"], attributes["infinite"]) == ("hello", True, "inf")
    assert (attributes["raw"], attributes["list"]) == ("/wA=", ["a", 1, [2.5, None]])
    assert json.loads(rich["resource_attributes"])["service.name"] == "shop"


@pytest.mark.parametrize(
    ("options", "traces"),
    [
        (["--service", "cart"], {1}),
        (["--operation", "GET /cart"], {1}),
        (["--service", "cart", "--operation", "überall 🧵"], set()),
        (["--min-duration", "27.5ms"], {1, 28, 29}),
        (["--limit", "3"], {27, 28, 29}),
        (["--until", str(NOON_NS + 3000)], {1, 2}),
        (["--since", str(NOON_NS + 28_000), "--service", "shop"], {1, 28, 29}),
    ],
)
def test_export_of_a_search(store: Path, tmp_path: Path, options: list[str], traces: set[int]) -> None:
    """Whole traces are chosen by what one of their spans is, the newest first."""
    file, other = tmp_path / "traces.otlp", tmp_path / "other"
    main(["storage", "export", "--data", str(store), "--to", str(file), *options])
    main(["storage", "import", "--data", str(other), str(file)])
    wanted = [one for one in stored(store) if int.from_bytes(one.trace_id, "big") in traces]
    assert stored(other) == wanted
    assert bool(wanted) == bool(traces)


def test_export_goes_through_pages(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a page holds is exported too, and each trace once."""
    monkeypatch.setattr(storage_export, "PAGE_TRACES", 4)
    monkeypatch.setattr(storage_export, "PIECE_SPANS", 3)
    file = tmp_path / "traces.jsonl"
    main(["storage", "export", "--data", str(store), "--to", str(file), "--format", "jsonl", "--limit", "11"])
    requests = [otlp_json.to_protobuf(line) for line in file.read_bytes().splitlines()]
    assert len(requests) >= 4
    ids = [one["traceId"] for line in file.read_text().splitlines() for one in spans_in(json.loads(line))]
    assert ids == sorted(set(ids), key=ids.index)
    assert {int(one, 16) for one in ids} == set(range(19, 30))


def spans_in(
    request: dict[str, list[dict[str, list[dict[str, list[dict[str, str]]]]]]],
) -> list[dict[str, str]]:
    """The spans of a request in JSON."""
    return [
        one
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for one in scope["spans"]
    ]


@pytest.mark.parametrize("form", ["otlp", "jsonl", "parquet"])
def test_pipes(store: Path, tmp_path: Path, form: str) -> None:
    """`export --to -` goes through a pipe whole, and `import -` reads one."""
    exported = subprocess.run(
        [COMMAND, "storage", "export", "--data", str(store), "--to", "-", "--format", form],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert exported.stderr.decode() == f"Exported 29 traces, {len(SPANS)} spans.\n"
    if form == "parquet":
        assert pq.read_table(io.BytesIO(exported.stdout)).num_rows == len(SPANS)
        return
    subprocess.run(
        [COMMAND, "storage", "import", "--data", str(tmp_path / "other"), "-"],
        input=exported.stdout,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert stored(tmp_path / "other") == stored(store)


@pytest.mark.parametrize("order", [">I", "<I"])
def test_import_of_messages_behind_their_lengths(tmp_path: Path, order: str) -> None:
    """What the OpenTelemetry Collector's file exporter writes as protobuf, and our benchmarks' corpus."""
    file = tmp_path / "traces.bin"
    requests = [request_of(SPANS[:10]), request_of(SPANS[10:])]
    file.write_bytes(b"".join(struct.pack(order, len(request)) + request for request in requests))
    main(["storage", "import", "--data", str(tmp_path / "other"), str(file)])
    assert len(stored(tmp_path / "other")) == len(SPANS)


WHOLE = request_of(SPANS[:3])
LINE = otlp_json.from_protobuf(WHOLE)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LINE + b'\n\n{"resourceSpans": [{]}\n', "line 3: not an OTLP trace request in JSON"),
        (LINE + b"\n" + LINE[:-5], "line 2: "),
        (WHOLE + b"\x12\x00", f"no ResourceSpans begin at byte {len(WHOLE):,}"),
        (WHOLE + WHOLE[:-7], "runs 7 bytes past the file"),
        (WHOLE + b"\x0a", f"the file ends inside the field at byte {len(WHOLE):,}"),
        (WHOLE + b"\x0a\x02\x0a\x05", f"(byte {len(WHOLE) + 2:,})"),
        (struct.pack(">I", len(WHOLE)) + WHOLE + b"\0\0", f"inside the length at byte {len(WHOLE) + 4:,}"),
        (struct.pack(">I", len(WHOLE)) + WHOLE + struct.pack(">I", 9) + b"12", "runs 7 bytes past the file"),
        (b"\x1f\x8b and so on", "is no OTLP, neither protobuf nor JSON lines: it is compressed with gzip"),
        (b"trace_id,span_id\n", "is no OTLP, neither protobuf nor JSON lines"),
    ],
)
def test_malformed_file_is_named_and_nothing_is_stored(tmp_path: Path, data: bytes, said: str) -> None:
    """A mistake in the last file, however late, leaves the store as it was."""
    good, bad, other = tmp_path / "good", tmp_path / "bad", tmp_path / "other"
    good.write_bytes(WHOLE)
    bad.write_bytes(data)
    told = fails("import", "--data", str(other), str(good), str(bad))
    assert told.startswith(str(bad))
    assert said in told
    assert stored(other) == []


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """A misspelt name makes no store."""
    other, missing = tmp_path / "other", tmp_path / "missing"
    assert fails("import", "--data", str(other), str(missing)) == f"there is no file {missing}"
    assert not other.exists()


def test_spans_that_can_never_be_stored_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the collector does: the others are stored, and the reason is told."""
    file = tmp_path / "traces.otlp"
    nobody = replace(SPANS[3], trace_id=type(SPANS[3].trace_id)(bytes(16)))
    file.write_bytes(request_of([SPANS[2], nobody]))
    main(["storage", "import", "--data", str(tmp_path / "other"), str(file)])
    said = capsys.readouterr()
    assert said.out == "Imported 1 span from 1 file.\n"
    assert said.err == "Left out 1 span: a trace id of other than 16 bytes, or all zero.\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--min-duration", "long"], "--min-duration is a number with ns, us, ms, s, m or h, not 'long'"),
        (["--since", "noon"], "--since: a time is RFC 3339 or Unix nanoseconds, not 'noon'"),
        (["--limit", "0"], "--limit is at least 1, not 0"),
    ],
)
def test_options_that_make_no_sense(store: Path, tmp_path: Path, options: list[str], said: str) -> None:
    """Told in a sentence, and no file is begun."""
    assert fails("export", "--data", str(store), "--to", str(tmp_path / "new"), *options) == said
    assert not list(tmp_path.glob("new*"))


def test_export_that_cannot_be_written_is_one_sentence(store: Path, tmp_path: Path) -> None:
    """A folder that is not there is told, by the name that was given."""
    target = tmp_path / "missing" / "traces.otlp"
    said = fails("export", "--data", str(store), "--to", str(target))
    assert said == f"{target} cannot be written: No such file or directory"


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("250ms", 250_000_000),
        ("1.5s", 1_500_000_000),
        ("3µs", 3000),
        ("2 h", 7_200_000_000_000),
        ("0.5ns", 0),
    ],
)
def test_durations(text: str, duration_ns: int) -> None:
    """As people write them."""
    assert storage_export.duration_ns(text) == duration_ns


class Terminal(io.StringIO):
    """What a person sees."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_progress_is_one_line_that_goes() -> None:
    """On a terminal there is a bar while it lasts."""
    terminal = Terminal()
    with Progress("Verifying", whole=200, to=terminal) as progress:
        progress.advance(100, "spans.parquet")
    said = terminal.getvalue()
    assert " 50%  spans.parquet" in said
    assert "\n" not in said
    assert said.endswith("\r\033[K")
