"""Documentation says what is true: settings, metrics, commands, addresses."""

import re
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

import spanloom_agent.counts
import spanloom_collector.counts
import spanloom_query.counts
from spanloom_allinone.main import COMMANDS, SECTIONS
from spanloom_allinone.settings import Setting, settings_of

ROOT: Final = Path(__file__).parent.parent
CONFIGURATION: Final = (ROOT / "docs" / "configuration.md").read_text()
METRICS: Final = (ROOT / "docs" / "metrics.md").read_text()
README: Final = (ROOT / "README.md").read_text()

SETTINGS: Final = [setting for section, cls in SECTIONS.items() for setting in settings_of(section, cls)]
REGISTRIES: Final = [
    part.Counts().registry
    for part in (spanloom_agent.counts, spanloom_collector.counts, spanloom_query.counts)
]


def row_of(setting: Setting) -> str:
    """The row that documents a setting."""
    default = f"`{setting.default}`" if setting.default != "" else ""
    return f"| `{setting.flag}` | `{setting.variable}` | {default} | {setting.help} |"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.destination)
def test_setting_is_documented_with_its_default(setting: Setting) -> None:
    """Every setting has a row that shows its spellings and its true default."""
    assert row_of(setting) in CONFIGURATION


def test_no_setting_is_documented_that_is_not_there() -> None:
    """Nobody sets what does nothing."""
    documented = set(re.findall(r"`(SPANLOOM_[A-Z_]+)`", CONFIGURATION))
    elsewhere = {"SPANLOOM_CONFIG", "SPANLOOM_AGENT", "SPANLOOM_ANNOTATION_BYTES"}
    assert documented - elsewhere == {setting.variable for setting in SETTINGS}


def described(registry: CollectorRegistry) -> dict[str, str]:
    """Name and help of each metric."""
    return {family.name: family.documentation for family in registry.collect()}


@pytest.mark.parametrize("registry", REGISTRIES, ids=["agent", "collector", "query"])
def test_metrics_are_documented(registry: CollectorRegistry) -> None:
    """Every metric has a row with its name and what it says."""
    for name, help_text in described(registry).items():
        assert re.search(rf"^\| `{name}(_total)?` \|.*{re.escape(help_text)}", METRICS, re.MULTILINE), name


def test_no_metric_is_documented_that_is_not_there() -> None:
    """No dashboard waits for a figure that never comes."""
    known = {name for registry in REGISTRIES for name in described(registry)}
    documented = {
        name.removesuffix("_total") for name in re.findall(r"^\| `(spanloom_\w+)`", METRICS, re.MULTILINE)
    }
    assert documented == known


def test_readme_names_every_command() -> None:
    """The first page lists what `spanloom` does."""
    for command in COMMANDS:
        assert f"spanloom {command}" in README


def test_links_between_documents_lead_somewhere() -> None:
    """No link in the documentation is dead."""
    for document in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.relative_to(ROOT)} links to {target}"
