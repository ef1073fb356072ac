"""What a program orders: a run, with everything that was said about it. Imports no tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from agents import Agent, RunConfig, RunState
    from agents.items import TResponseInputItem

    InputItems = str | list[TResponseInputItem] | RunState[Any, Any]

ResultProcessor = Callable[[Any], Any]
OnDuplicate = Literal["raise", "return_existing"]
DEFAULT_MAX_TURNS = 20


@dataclass(frozen=True, kw_only=True)
class Order:
    """A run that a program wants; `timestep.api` says what each field means."""

    agent: Agent[Any]
    input_items: InputItems
    session: Any = None
    workflow_id: str | None = None
    timeout_seconds: float | None = None
    result_processor: ResultProcessor | None = None
    context: Any = None
    max_turns: int | None = None
    run_config: RunConfig | None = None
    queue_name: str | None = None
    priority: int | None = None
    deduplication_id: str | None = None
    delay_seconds: float | None = None
    on_duplicate: OnDuplicate = "raise"
