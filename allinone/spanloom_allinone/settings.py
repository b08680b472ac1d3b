"""Settings from where people put them: command line before environment before file before default.

A setting is a field of a part's settings class. Its one name is spelled in three ways: the field
`http_listen` of the section `collector` is `--collector-http-listen`, `SPANLOOM_COLLECTOR_HTTP_LISTEN`
and `http_listen` under `[collector]` in the file.
"""

import argparse
import dataclasses
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from spanloom_model.errors import MisconfiguredError

Settings = TypeVar("Settings")

_OTHER_VARIABLES: Final = {"SPANLOOM_CONFIG", "SPANLOOM_AGENT", "SPANLOOM_ANNOTATION_BYTES"}
"""All but the first are read by the instrumentation of applications (and of the demo)."""
_LISTS: Final = {"collector": {"stages"}}
"""What only the file can say, and its part reads by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Settings without a section, for all parts that touch storage."""

    data: str = field(
        default="~/.local/share/spanloom", metadata={"help": "the directory of the embedded store"}
    )
    storage: str = field(
        default="",
        metadata={"help": "another storage, as in memory: or embedded:DIR; by default embedded in --data"},
    )

    retention_hours: float = field(
        default=336.0,
        metadata={"help": "how long the embedded store keeps spans; 0 is for ever", "least": 0, "most": 1e6},
    )
    retention_gb: float = field(
        default=0.0,
        metadata={
            "help": "how much the embedded store keeps, in gigabytes on the disk; 0 is no limit",
            "least": 0,
            "most": 1e6,
        },
    )

    @property
    def where(self) -> str:
        """The storage as people know it."""
        return self.storage or f"embedded:{Path(self.data).expanduser()}"

    @property
    def agent_spool(self) -> str:
        """Where the agent of the same process spools: beside the store, and nowhere without one."""
        return "" if self.storage else str(Path(self.data) / "agent-spool")

    @property
    def address(self) -> str:
        """What `open_storage` takes."""
        if self.storage:
            return self.storage
        return f"{self.where}?retention_hours={self.retention_hours}&retention_gb={self.retention_gb}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """The section `demo`."""

    agent: str = field(default="127.0.0.1:6835", metadata={"help": "the agent that the shop sends spans to"})
    rate: float = field(
        default=3.0, metadata={"help": "visits to the shop a second", "least": 0.1, "most": 1000}
    )
    port: int = field(
        default=18080,
        metadata={
            "help": "the shop's first port; one that is taken is replaced by any other",
            "least": 1,
            "most": 65_000,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting and its three spellings."""

    section: str
    """Empty for settings without one."""
    name: str
    kind: type
    default: object
    help: str
    least: float | None = None
    most: float | None = None

    @property
    def flag(self) -> str:
        """On the command line."""
        return "--" + self._joined("-").replace("_", "-")

    @property
    def variable(self) -> str:
        """In the environment."""
        return "SPANLOOM_" + self._joined("_").upper()

    @property
    def destination(self) -> str:
        """In argparse's namespace."""
        return self._joined("__")

    def _joined(self, mark: str) -> str:
        return mark.join(filter(None, (self.section, self.name)))


def settings_of(section: str, cls: type) -> Iterator[Setting]:
    """The settings of a section, in the order in which its class has them."""
    for one in dataclasses.fields(cls):
        yield Setting(
            section=section,
            name=one.name,
            kind=type(one.default),
            default=one.default,
            help=str(one.metadata["help"]),
            least=one.metadata.get("least"),
            most=one.metadata.get("most"),
        )


def add_arguments(parser: argparse.ArgumentParser, section: str, cls: type) -> None:
    """Add a section's flags to a command."""
    group = parser.add_argument_group(f"settings of the {section}" if section else "settings")
    for setting in settings_of(section, cls):
        group.add_argument(
            setting.flag,
            dest=setting.destination,
            metavar="VALUE",
            help=f"{setting.help} (default: {setting.default or 'none'})",
        )


class Sources:
    """Where values come from, read once at start."""

    def __init__(
        self, arguments: argparse.Namespace, environment: Mapping[str, str], known: Mapping[str, type]
    ) -> None:
        self._arguments = vars(arguments)
        self._environment = environment
        path = self._arguments.get("config") or environment.get("SPANLOOM_CONFIG")
        self.path = Path(path) if path else None
        """The settings file."""
        self._file = _read_file(self.path, known) if self.path else {}
        _refuse_unknown_variables(environment, known)

    def load(self, section: str, cls: type[Settings], **defaults: object) -> Settings:
        """A section's settings; raises MisconfiguredError that names the value and its place.

        *defaults* come before the class's own.
        """
        found = {setting.name: self._value(setting) for setting in settings_of(section, cls)}
        return cls(**defaults | {name: value for name, value in found.items() if value is not None})

    def _value(self, setting: Setting) -> object | None:
        given = self._arguments.get(setting.destination)
        if given is not None:
            return _converted(given, setting, setting.flag)
        if setting.variable in self._environment:
            return _converted(self._environment[setting.variable], setting, setting.variable)
        table = self._file.get(setting.section, {}) if setting.section else self._file
        if setting.name in table:
            return _converted(str(table[setting.name]), setting, f"{setting.name} in the settings file")
        return None


def _refuse_unknown_variables(environment: Mapping[str, str], known: Mapping[str, type]) -> None:
    """A misspelt variable is an error, not a surprise later."""
    variables = {setting.variable for section, cls in known.items() for setting in settings_of(section, cls)}
    for name in environment:
        if name.startswith("SPANLOOM_") and name not in variables | _OTHER_VARIABLES:
            close = difflib.get_close_matches(name, variables, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise MisconfiguredError(f"the environment has {name}, which is no setting{hint}")


def _converted(text: str, setting: Setting, place: str) -> object:
    try:
        value = setting.kind(text)
    except ValueError:
        raise MisconfiguredError(f"{place}: {text!r} is not of type {setting.kind.__name__}") from None
    if setting.least is not None and not value >= setting.least:
        raise MisconfiguredError(f"{place}: {text} is less than {setting.least}, the least")
    if setting.most is not None and not value <= setting.most:
        raise MisconfiguredError(f"{place}: {text} is more than {setting.most}, the most")
    return value


def _read_file(path: Path, known: Mapping[str, type]) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text())
    except OSError as exc:
        raise MisconfiguredError(f"the settings file {path} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise MisconfiguredError(f"the settings file {path} is not TOML: {exc}") from exc
    _refuse_unknown(found, known, path)
    return found


def _refuse_unknown(found: Mapping[str, Any], known: Mapping[str, type], path: Path) -> None:
    """A misspelt setting is an error, not a surprise later."""
    names = {setting.name for setting in settings_of("", known[""])}
    for key, value in found.items():
        if isinstance(value, dict) and key in known:
            wrong = set(value) - {setting.name for setting in settings_of(key, known[key])}
            wrong -= _LISTS.get(key, set())
            if wrong:
                raise MisconfiguredError(f"the settings file {path} has {min(wrong)} under [{key}], unknown")
        elif key not in names:
            raise MisconfiguredError(f"the settings file {path} has {key}, unknown")
