"""Placeholders in the input of schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from timestep.errors import InvalidInput
from timestep.services.placeholders import (
    PLACEHOLDERS,
    TickFacts,
    check_placeholders,
    filled,
    has_placeholders,
)

MONDAY = TickFacts(
    "nightly", "desk", "0 7 * * mon-fri", "Europe/Berlin", datetime(2026, 10, 26, 6, tzinfo=UTC)
)


def test_every_name_has_its_text() -> None:
    texts = {name: filled(f"{{{{ {name} }}}}", MONDAY) for name in PLACEHOLDERS}
    assert texts == {
        "scheduled_at": "2026-10-26T07:00:00+01:00",
        "scheduled_at_utc": "2026-10-26T06:00:00Z",
        "scheduled_date": "2026-10-26",
        "scheduled_time": "07:00",
        "scheduled_weekday": "Monday",
        "previous_scheduled_at": "2026-10-23T07:00:00+02:00",
        "previous_scheduled_date": "2026-10-23",
        "next_scheduled_at": "2026-10-27T07:00:00+01:00",
        "schedule": "nightly",
        "agent": "desk",
        "timezone": "Europe/Berlin",
    }


def test_texts_of_items_are_filled_and_nothing_else() -> None:
    items = [{"role": "user", "n": 1, "content": [{"text": "on {{scheduled_date}}"}]}]
    assert filled(items, MONDAY)[0]["content"] == [{"text": "on 2026-10-26"}]
    assert items[0]["content"] == [{"text": "on {{scheduled_date}}"}]
    assert has_placeholders(items)
    assert not has_placeholders("plain, \\{{ agent }}")


@pytest.mark.parametrize(
    "given",
    [
        "{{ nobody }}",
        "{{ scheduled_at.year }}",
        "{{ scheduled_at|date }}",
        "{{}}",
        "{{ scheduled_at",
        "{{ a {{ agent }}",
        [{"role": "user", "content": "{{ nobody }}"}],
    ],
)
def test_what_stands_for_nothing_is_refused_with_the_list(given: Any) -> None:
    with pytest.raises(InvalidInput, match="there are scheduled_at, ") as refused:
        check_placeholders(given)
    assert refused.value.field == "input"


def test_a_backslash_keeps_the_braces_and_nothing_is_evaluated() -> None:
    text = "\\{{ agent }} {% now %} ${agent} {agent} {0}"
    check_placeholders(text)
    assert filled(text, MONDAY) == "{{ agent }} {% now %} ${agent} {agent} {0}"
    # What was saved before there were placeholders stays as it is.
    assert filled("{{ nobody }} {{", MONDAY) == "{{ nobody }} {{"
