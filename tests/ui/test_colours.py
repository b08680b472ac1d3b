"""Colours can be told apart and read."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanloom_ui
from spanloom_ui.colours import COUNT, service_class

STYLES = Path(spanloom_ui.__file__).parents[1] / "styles"
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
TOKENS = {name: (light, dark) for name, light, dark in PAIR.findall((STYLES / "tokens.css").read_text())}
SERVICES = PAIR.findall((STYLES / "services.css").read_text())


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((text, ground) for text in ("text", "text-quiet", "accent", "error")
          for ground in ("ground", "surface", "sunken", "hover", "chosen")),
        ("error", "error-ground"),
        ("text", "error-ground"),
        ("warning", "warning-ground"),
    ],
)  # fmt: skip
def test_text_can_be_read_on_its_ground(text: str, ground: str, theme: int) -> None:
    """Nobody has to squint, in either theme."""
    assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_durations_can_be_read_inside_of_every_bar(theme: int) -> None:
    """The label on a long bar is as clear as beside a short one."""
    assert len(SERVICES) == COUNT
    worst = min(contrast(pair[1 + theme], TOKENS["on-service"][theme]) for pair in SERVICES)
    assert worst >= 4.5


@given(st.text())
def test_every_service_has_a_colour_that_stays(name: str) -> None:
    """A service looks the same on every page, whatever its name."""
    assert service_class(name) == service_class(name)
    assert service_class(name) in {f"service-{place}" for place in range(COUNT)}


def test_the_demo_shop_has_no_two_services_of_one_colour() -> None:
    """The first trace that anybody sees is easy to read."""
    shop = (
        "frontend",
        "catalogue",
        "recommendations",
        "cart",
        "checkout",
        "payment",
        "warehouse",
        "settlement",
    )
    assert len({service_class(name) for name in shop}) == len(shop)
