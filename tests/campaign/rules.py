"""What a scenario tells the campaign: how a run is launched, and what must be true of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from tests.campaign.double import Json
from tests.campaign.installation import Installation
from timestep.models import Run


def nothing(_engine: Installation) -> AbstractContextManager[Any]:
    """For scenarios that need nothing beside workers and the double."""
    return nullcontext()


@dataclass(frozen=True)
class Scenario:
    """One kind of run.

    Args:
        launch: Launches a run of its own conversation, by its number.
        final_turn: The turn of its last model call.
        calls_remembered: How many calls its session holds in the end.
        model_calls: How many model calls it makes, with those of agents used as tools.
        tools: The tools whose calls the journal keeps by the id of the call.
        unrepeatable: Those that run again only on a person's word.
        others: What else is in the journal and may only be repeated by a kill.
        final: The final output, from the number of the run and what its tools returned.
        wrong_pairs: What is wrong with the pairs of calls and outputs in a request.
        told: What a person says that a call of unknown outcome returned.
        journal_id: The name of a call of unknown outcome in the journal.
        around: What must be there while the campaign runs.
    """

    launch: Callable[[Installation, int, random.Random], Run]
    final_turn: int
    calls_remembered: int
    model_calls: int
    tools: frozenset[str]
    unrepeatable: frozenset[str]
    final: Callable[[int, list[Any]], Any]
    wrong_pairs: Callable[[Json], list[str]]
    told: Callable[[Any], str]
    journal_id: Callable[[Any], str] = lambda asked: str(asked.call_id)
    others: frozenset[str] = frozenset()
    around: Callable[[Installation], AbstractContextManager[Any]] = nothing
