"""The pages read what the API writes: two parts, one shape."""

from typing import Any, get_type_hints

import pytest
from typing_extensions import is_typeddict

import spanloom_query.answers
import spanloom_ui.answers


def shapes(module: Any) -> dict[str, type]:
    """The answers that a module describes, by name."""
    return {name: value for name, value in vars(module).items() if is_typeddict(value)}


WRITTEN = shapes(spanloom_query.answers)
READ = shapes(spanloom_ui.answers)


@pytest.mark.parametrize("name", READ)
def test_pages_expect_only_what_the_api_says(name: str) -> None:
    """No page waits for a field that never comes."""
    assert get_type_hints(READ[name]).keys() <= get_type_hints(WRITTEN[name]).keys()
