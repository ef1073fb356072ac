"""What a batch of events changes on a run's page (templates/workflows/run/_live.html)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timestep.masking import masked_text
from timestep.models import DELTA_KIND, Run
from timestep.services.present import EventLike
from timestep.services.totals import show_totals_so_far
from workflows.selectors.timeline import LOCAL_KINDS, dom_id, rows
from workflows.selectors.timeline_rows import output_of

# After these a run may stand still, or move again.
_MAY_STOP = {"status", "hold.waiting", "hold.released", "model.waiting"}


def live_context(run_id: str, events: Sequence[EventLike]) -> dict[str, Any]:
    """The context of the fragments for one batch, in the order of `seq`.

    No query is made for a batch of nothing but deltas. Rows are rendered whole, with the text they
    had at the end of the batch, so the deltas of their steps are not sent besides.
    """
    last_seq = events[-1].seq
    durable = [event for event in events if event.kind != DELTA_KIND]
    if not durable:
        return {"last_seq": last_seq, "deltas": _deltas(events, set())}
    steps = {event.step for event in durable if event.step}
    local = all(event.step and event.kind in LOCAL_KINDS for event in durable)
    run = show_totals_so_far(Run.objects.select_related("launched_by").get(run_id=run_id))
    found = rows(run_id, upto=last_seq, steps=steps if local else None)
    changed = [row for row in found if row.seq >= events[0].seq]
    output = output_of(run.status, run.final_output, changed)
    return {
        "run": run,
        "rows": changed,
        "output": None if output.empty else output,
        # Each page asks for itself why the run does not move: what it may name is the viewer's.
        "ask_why": any(event.kind in _MAY_STOP for event in durable),
        "deltas": _deltas(events, {row.step for row in changed}),
        "last_seq": last_seq,
    }


def _deltas(events: Sequence[EventLike], whole: set[str]) -> list[tuple[str, str]]:
    """Text per element, of the highest attempt of each step."""
    texts: dict[str, tuple[int, str]] = {}
    for event in events:
        if event.kind != DELTA_KIND or event.step in whole:
            continue
        attempt, text = texts.get(event.step, (event.attempt, ""))
        if event.attempt > attempt:
            attempt, text = event.attempt, ""
        if event.attempt == attempt:
            texts[event.step] = (attempt, text + str(event.payload.get("text", "")))
    return [(dom_id("text", step), masked_text(text)) for step, (_, text) in texts.items()]
