"""A program under `spanloom trace` is the plain program: what it is told, what it says, how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.instrumentation.auto.started import ran, started
from tests.instrumentation.doubles import AgentDouble, names, spans
from tests.processes import COMMAND

SPAN: Final = """
from opentelemetry import trace
trace.get_tracer("shop").start_span("made").end()
"""
LOOK: Final = """
import os, signal, sys
print(__name__, __file__, sys.argv, sys.path, sys.flags, sys.executable)
print([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)])
print(sys.stdin.read(), os.getcwd(), globals().keys())
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Where a program is written."""
    return tmp_path / "program.py"


def both(
    command: list[str | Path], agent: AgentDouble, **settings: Any
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """A program as it is, and traced."""
    plain = ran([sys.executable, *command], agent, traced=False, **settings)
    return plain, ran(command, agent, **settings)


def test_program_sees_what_it_would_see(program: Path, agent: AgentDouble) -> None:
    """Its name, its arguments, its path, its standard input: nothing tells it that it is traced."""
    program.write_text(LOOK)
    plain, traced = both([program, "--service", "x", "-m", "y"], agent, input="typed")
    assert (traced.stdout, traced.stderr, traced.returncode) == (plain.stdout, plain.stderr, 0)
    assert "typed" in traced.stdout


def test_module_sees_what_it_would_see(program: Path, agent: AgentDouble) -> None:
    """The same with `-m`."""
    program.write_text(LOOK)
    plain, traced = both(["-m", "program", "-m"], agent, input="", cwd=program.parent)
    assert (traced.stdout, traced.stderr, traced.returncode) == (plain.stdout, plain.stderr, 0)


def test_folder_is_run(program: Path, agent: AgentDouble) -> None:
    """A folder with a `__main__.py` in it is a program."""
    (program.parent / "__main__.py").write_text(SPAN)
    assert ran([program.parent], agent).returncode == 0
    assert names(agent.received()) == ["made"]


@pytest.mark.parametrize(
    "end",
    [
        "raise ValueError('no')",
        "import sys; sys.exit(7)",
        "import sys; sys.exit('no')",
        "import os; os.abort()",
    ],
)
def test_ends_as_it_would(end: str, program: Path, agent: AgentDouble) -> None:
    """Exit codes, messages and tracebacks are the program's own."""
    program.write_text(end)
    plain, traced = both([program], agent)
    assert (traced.returncode, traced.stderr) == (plain.returncode, plain.stderr)


def test_spans_before_a_failure_arrive(program: Path, agent: AgentDouble) -> None:
    """What led to a crash is what one wants to see."""
    program.write_text(SPAN + "raise ValueError('no')")
    ran([program], agent)
    assert names(agent.received()) == ["made"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_after_its_last_span(
    number: signal.Signals, program: Path, agent: AgentDouble
) -> None:
    """A container that is stopped has sent its last span, and its end looks as it would."""
    # In short sleeps: a signal that comes right before a sleep begins is heard of when it is over.
    # And a shell that starts tests in its background has Ctrl-C ignored in all that they start.
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    wait = "import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.01)\n"
    program.write_text(heard + SPAN + wait)
    process = started([program], agent, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == -number
    assert names(agent.received()) == ["made"]


def test_own_handler_of_the_program_counts(program: Path, agent: AgentDouble) -> None:
    """A program that ends in order at SIGTERM does so."""
    program.write_text(
        "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        + SPAN
        + "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    assert ran([program], agent).returncode == 5
    assert names(agent.received()) == ["made"]


def test_signal_does_not_wait_for_a_stuck_network(program: Path, agent: AgentDouble) -> None:
    """A resolver that hangs for a minute does not keep a container from ending."""
    program.write_text(
        "import os, signal, socket, time\nsocket.getaddrinfo = lambda *_, **__: time.sleep(60)\n"
        + SPAN
        + "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n"
    )
    assert ran([program], agent).returncode == -signal.SIGTERM


def test_sitecustomize_of_others_is_run(program: Path, agent: AgentDouble) -> None:
    """What a company's or a system's sitecustomize does is done, and once."""
    folder = program.parent / "theirs"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("print('theirs')\n")
    program.write_text("import sitecustomize\nprint(sitecustomize.__file__)\n" + SPAN)
    run = ran([program], agent, env={"PYTHONPATH": str(folder)})
    # Once in the command, once in the program that it becomes.
    assert run.stdout.split() == ["theirs", "theirs", str(folder / "sitecustomize.py")]
    assert names(agent.received()) == ["made"]


def test_sitecustomize_that_fails_stops_nothing(program: Path, agent: AgentDouble) -> None:
    """Its error is told as Python tells it, and the program is traced."""
    (program.parent / "sitecustomize.py").write_text("raise ValueError('theirs')\n")
    program.write_text(SPAN)
    run = ran([program], agent, env={"PYTHONPATH": str(program.parent)})
    assert "ValueError: theirs" in run.stderr
    assert run.returncode == 0
    assert names(agent.received()) == ["made"]


def test_flags_say_what_the_environment_says(program: Path, agent: AgentDouble) -> None:
    """A person types what operations put into variables; the flag goes first."""
    program.write_text(SPAN)
    ran(["--service", "typed", "--exporter", "console,spanloom", program], agent)
    (sent,) = agent.received()
    assert sent.service == "typed"
    ran(["--sampler", "traceidratio", "--sampler-arg", "0", program], agent)
    ran(["--agent", "127.0.0.1:1", program], agent)
    ran([program], agent, env={"OTEL_SDK_DISABLED": "true"})
    assert agent.received() == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["no-such.py"], "there is no file no-such.py"),
        (["no-such-command"], "there is no command no-such-command on the PATH"),
        ([], "say what is to be run"),
        (["/etc/passwd"], "there is no command /etc/passwd"),
    ],
)
def test_mistake_is_one_sentence(command: list[str], says: str, agent: AgentDouble) -> None:
    """Nobody reads a traceback for a typo."""
    run = ran(command, agent)
    assert run.returncode == 1
    assert says in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_spanloom_trace_is_the_same(program: Path, agent: AgentDouble) -> None:
    """`spanloom trace` does what `python -m spanloom_instrumentation` does, and leaves nothing of its own."""
    program.write_text("import os\nprint(sorted(os.environ), __import__('resource').getrlimit(7))\n" + SPAN)
    env = {**os.environ, "SPANLOOM_AGENT": agent.address, "OTEL_SERVICE_NAME": "shop"}
    run = subprocess.run(
        [COMMAND, "trace", program], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == ran([program], agent).stdout
    assert names(agent.received()) == ["made", "made"]
    failed = subprocess.run(
        [COMMAND, "trace", "no-such.py"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (failed.returncode, failed.stderr) == (1, "spanloom: there is no file no-such.py\n")


def test_opentelemetrys_own_command_finds_us(program: Path, agent: AgentDouble) -> None:
    """Who starts services with `opentelemetry-instrument` goes on doing so."""
    program.write_text(SPAN)
    env = {"OTEL_PYTHON_CONFIGURATOR": "spanloom"}
    run = ran(["opentelemetry-instrument", "python", program], agent, traced=False, env=env)
    assert (run.returncode, run.stderr) == (0, "")
    assert names(agent.received()) == ["made"]


def test_python_without_spanloom_is_told(program: Path, agent: AgentDouble, tmp_path: Path) -> None:
    """A command of another environment runs, and says that it is not traced; its children are quiet."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", tmp_path / "other"], check=True, timeout=60
    )
    python = tmp_path / "other" / "bin" / "python"
    program.write_text(
        "import subprocess, sys\nprint(len(sys.argv), flush=True)\n"
        "if len(sys.argv) == 1: subprocess.run([sys.executable, __file__, '2'])"
    )
    run = ran([python, program], agent)
    assert (run.stdout.split(), run.returncode) == (["1", "2"], 0)
    assert run.stderr.count("is not traced") == 1


def test_traced_spans_have_the_programs_resource(program: Path, agent: AgentDouble) -> None:
    """Nothing is found twice when the program is started by a traced one."""
    program.write_text(
        "import subprocess, sys\nif len(sys.argv) == 1: subprocess.run([sys.executable, __file__, '2'])\n"
        + SPAN
    )
    ran([program], agent)
    datagrams = agent.received()
    assert len({span.span_id for span in spans(datagrams)}) == 2
    assert len({one.sender for one in datagrams}) == 2
