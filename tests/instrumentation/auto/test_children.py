"""Children of a traced program: traced by themselves, whatever starts them and however they end."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.instrumentation.auto.started import ran
from tests.instrumentation.doubles import AgentDouble, spans

WORK: Final = """
import concurrent.futures, multiprocessing, os, subprocess, sys, time
from opentelemetry import trace

def work(number):
    with trace.get_tracer("shop").start_as_current_span(f"child {number}"):
        return os.getpid()
"""
ENDINGS: Final = {
    "process": """
children = [context.Process(target=work, args=(number,)) for number in range(6)]
for child in children: child.start()
for child in children: child.join()
""",
    "pool that is closed": """
pool = context.Pool(3)
pool.map(work, range(6), chunksize=1)
pool.close()
pool.join()
""",
    "executor": """
with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
    list(pool.map(work, range(6)))
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_send_each_span_once(method: str, ending: str, agent: AgentDouble, tmp_path: Path) -> None:
    """Work that is spread over processes is seen whole, also of those that end by `os._exit`."""
    body = f"context = multiprocessing.get_context({method!r})\n{ENDINGS[ending]}"
    made = "trace.get_tracer('shop').start_span('parent').end()\n"
    program = tmp_path / "program.py"
    indented = "".join(f"    {line}\n" for line in (made + body).splitlines())
    program.write_text(f"{WORK}\nif __name__ == '__main__':\n{indented}")
    run = ran([program], agent)
    assert (run.returncode, run.stderr) == (0, "")
    datagrams = agent.received()
    assert Counter(span.name for span in spans(datagrams)) == Counter(
        ["parent", *(f"child {number}" for number in range(6))]
    )
    assert sum(one.dropped_count for one in datagrams) == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pool_that_kills_its_workers_ends(method: str, agent: AgentDouble, tmp_path: Path) -> None:
    """`with Pool()` ends workers by SIGTERM, at any moment of their lives, and waits until they are dead."""
    program = tmp_path / "program.py"
    program.write_text(
        WORK
        + f"""
if __name__ == "__main__":
    trace.get_tracer("shop").start_span("parent").end()
    for turn in range(4):
        with multiprocessing.get_context({method!r}).Pool(3) as pool:
            pool.map(work, range(6), chunksize=1)
"""
    )
    run = ran([program], agent)
    assert (run.returncode, run.stderr) == (0, "")
    sent = [span.span_id for span in spans(agent.received())]
    assert len(sent) == len(set(sent)) <= 25


def test_program_started_by_a_traced_one_is_traced(agent: AgentDouble, tmp_path: Path) -> None:
    """A script that runs scripts is seen whole; a Python that is told to ignore the environment is not."""
    program = tmp_path / "program.py"
    program.write_text(
        WORK
        + """
if len(sys.argv) > 1:
    work(int(sys.argv[1]))
else:
    work(0)
    subprocess.run([sys.executable, __file__, "1"], check=True)
    subprocess.run([sys.executable, "-E", __file__, "2"], check=True)
"""
    )
    assert ran([program], agent).stderr == ""
    assert sorted(span.name for span in spans(agent.received())) == ["child 0", "child 1"]


def test_import_that_runs_a_program_ends(agent: AgentDouble, tmp_path: Path) -> None:
    """An instrumentation package whose import runs Python does not start itself again and again."""
    package = tmp_path / "endless-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: endless\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[opentelemetry_pre_instrument]\nendless = endless:begin\n")
    (tmp_path / "endless.py").write_text(
        "import subprocess, sys\n"
        "def begin():\n"
        "    said = subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True, text=True)\n"
        "    print('begun', said.stdout, flush=True)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(WORK + "work(0)\n")
    run = ran([program], agent, env={"PYTHONPATH": str(tmp_path)})
    assert run.stdout.split() == ["begun", "1"]
    assert [span.name for span in spans(agent.received())] == ["child 0"]
