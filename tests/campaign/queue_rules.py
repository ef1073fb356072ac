"""What must hold of a queue that was drained, by the rows of its runs."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count

from timestep.models import Run, RunEvent, Segment

_WAITING = 100
_SHOWN = 3
Facts = dict[str, Any]


def judge(queue: str, given: Namespace) -> tuple[Facts, list[str]]:
    """Some numbers, and each rule that is broken.

    Args:
        queue: The queue.
        given: `runs`, `limit`, `period`, `concurrency`, `rate`, and which faults were made.
    """
    segments = list(Segment.objects.filter(run__queue=queue).select_related("run"))
    given_out = sorted(one.dispatched_at for one in segments if one.dispatched_at)
    begun = sorted(one.started_at for one in segments if one.started_at)
    faults = given.stop_worker or given.restart_postgres
    at_once, rate = most_at_once(segments), drained_at(begun, given)
    broken = [
        *_over("given out", given_out, given),
        *_over("begun", begun, given),
        *_lost_or_doubled(queue, given.runs),
    ]
    if not faults and at_once > given.concurrency:
        broken.append(f"{at_once} ran at one time, and {given.concurrency} may")
    if not faults and rate < given.rate:
        broken.append(f"drained at {rate:.3f} of its rate")
    workers = Counter(one.worker for one in segments)
    facts = {"runs": len(segments), "most_at_once": at_once, "rate": round(rate, 3)}
    return facts | {"by_worker": sorted(workers.values())}, broken


def _over(what: str, starts: list[datetime], given: Namespace) -> Iterator[str]:
    """Windows that hold more than the limit: where a start comes too soon after one before it."""
    later = starts[given.limit :]
    gaps = [(b - a).total_seconds() for a, b in zip(starts, later, strict=False)]
    if short := [gap for gap in gaps if gap < given.period]:
        yield (
            f"{len(short)} windows hold more than {given.limit} {what}: "
            f"the shortest is {min(short):.3f} s"
        )


def drained_at(starts: list[datetime], given: Namespace) -> float:
    """The share of the allowed rate, while so many waited that it could be used."""
    full = max(0, len(starts) - min(_WAITING, len(starts) // 3)) // given.limit
    if full < 2:
        return 1.0
    seconds = (starts[full * given.limit - 1] - starts[0]).total_seconds()
    return float((full - 1) * given.period / seconds)


def most_at_once(segments: Iterable[Segment]) -> int:
    """The most segments that held a place of the queue at one time."""
    changes = [(one.dispatched_at, 1) for one in segments if one.dispatched_at]
    changes += [(one.ended_at, -1) for one in segments if one.ended_at]
    held = most = 0
    for _, change in sorted(changes):
        held += change
        most = max(most, held)
    return most


def _lost_or_doubled(queue: str, launched: int) -> Iterator[str]:
    runs = Run.objects.filter(queue=queue).order_by()
    statuses = dict(runs.values_list("status").annotate(Count("run_id")))
    if statuses != {"succeeded": launched}:
        yield f"{launched} runs came to {statuses}"
    for run in runs.exclude(error=None)[:_SHOWN]:
        error = run.error or {}
        yield f"failed: {error.get('type')}: {error.get('message')}"
    for kind in ("model.finished", "run.finished"):
        events = RunEvent.objects.filter(run__queue=queue, kind=kind).order_by()
        counts = events.values("run_id").annotate(times=Count("id"))
        times = Counter(one["times"] for one in counts)
        if times != {1: launched}:
            yield f"{kind} came so many times: {dict(times)}"
    if other := runs.exclude(requests=1).count():
        yield f"{other} runs count another number of requests than one"
