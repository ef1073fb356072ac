"""Where the rows of a timeline stand: what an agent used as a tool did, under its call."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from workflows.selectors.timeline_rows import Row


def in_order(found: list[Row]) -> list[Row]:
    """The rows in the order in which they began, but each below the call that it belongs to.

    Sets `parent` and `depth` of each. Agents that run at the same time take turns in the events
    of a run; here each has its rows together.

    Args:
        found: The rows, in the order of their first events.
    """
    makers = {
        str(call.get("call_id", "")): row.parent
        for row in found
        if row.kind == "model"
        for call in row.tool_calls
    }
    known = {row.dom_id for row in found}
    below: dict[str, list[Row]] = {}
    for row in found:
        # People are asked about a call by its id alone: it stands where the call was made.
        row.parent = row.parent or makers.get(row.call_id, "")
        place = row.parent if row.parent in known and row.parent != row.dom_id else ""
        below.setdefault(place, []).append(row)
    return list(_walked(below))


def call_row(call_id: str, parent_step: str = "") -> str:
    """The element id of the row of a call that runs an agent.

    Args:
        call_id: The call, as the events of what it did name it.
        parent_step: Its row's step, where these events name that too.
    """
    step = parent_step or f"call.{sha256(call_id.encode()).hexdigest()[:16]}"
    return f"step-{step.replace('.', '-')}"


def _walked(below: dict[str, list[Row]]) -> Iterator[Row]:
    """Depth first, without recursion: agents call agents as deep as they like."""
    waiting: list[tuple[int, Iterator[Row]]] = [(0, iter(below.pop("", ())))]
    while waiting or below:
        if not waiting:  # Events of releases that took two calls for one may go round in a circle.
            waiting.append((0, iter(below.pop(next(iter(below))))))
        depth, rows = waiting[-1]
        row = next(rows, None)
        if row is None:
            waiting.pop()
            continue
        row.depth = depth
        yield row
        if row.dom_id in below:
            waiting.append((depth + 1, iter(below.pop(row.dom_id))))
