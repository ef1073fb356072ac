"""Calls of several processes that ask for their turns in the same moment."""

from __future__ import annotations

import pytest

from tests.services.turns import asking, limit, taken
from tests.workflows.rows import in_threads
from timestep.models import ModelTurn
from timestep.services import turns


@pytest.mark.django_db(transaction=True)
def test_no_two_take_the_same_place() -> None:
    limit("openai/*", requests=3)
    limit("openai/m", requests=9)
    calls = [asking() for _ in range(6)]
    lacks = in_threads(6, lambda number: turns.ask(calls[number]))
    assert sum(lack is None for lack in lacks) == 3
    assert len(set(taken())) == 3
    assert ModelTurn.objects.count() == 12
    turns.give_back(taken()[0])
    waiting = [call.call for call in calls if call.call not in taken()]
    found = in_threads(2, lambda _: turns.look("openai/m", waiting))
    assert sorted(map(len, found))[0] == 2
    assert len(set(taken())) == 3
