"""A plugin that fails each test once, to see that all of them can be run again.

    scripts/test -p tests.twice

What a test leaves behind where others look too makes its second try fail, whatever went wrong in
the first.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


def tries(item: pytest.Item) -> int:
    """Which try of a test this is, from 1."""
    return getattr(item, "execution_count", 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test, and say that it failed where it did not."""
    returned = yield
    assert tries(item) > 1, "passed, and is tried again"
    return returned
