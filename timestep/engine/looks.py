"""What a dispatcher asks the rows for at each of its passes, idle or not: one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value

from timestep.engine.holds import Held, Stopped
from timestep.models import (
    DIRECT_QUEUE,
    Hold,
    HoldKind,
    ModelLimit,
    Queue,
    Segment,
    SegmentState,
    Worker,
)


@dataclass(frozen=True)
class Look:
    """What an idle worker asks the rows for.

    Args:
        specs: Digests of the specs of all ready segments.
        stopped: What people have stopped.
        limits: Patterns of the models that are limited.
    """

    specs: frozenset[str]
    stopped: Stopped
    limits: frozenset[str] = frozenset()


def look(worker_id: str) -> Look:
    """What there is to do, and what people have stopped: one statement.

    Args:
        worker_id: The process that asks.
    """
    ready = Segment.objects.filter(state=SegmentState.READY).order_by()
    asked = [
        _told("ready", ready, "run__spec_id").distinct(),
        _told("hold", Hold.objects.filter(released_at__isnull=True), *_HOLD),
        _told("paused", Queue.objects.filter(paused_at__isnull=False), "name"),
        _told("limited", Queue.objects.filter(_limited(), name=DIRECT_QUEUE), "name"),
        _told("drains", _draining(worker_id), "worker_id"),
        _told("model", ModelLimit.objects.all(), "pattern"),
    ]
    rows = list(asked[0].union(*asked[1:], all=True))
    named = {
        what: {row[1] for row in rows if row[0] == what} for what in ("ready", "paused", "model")
    }
    said = {row[0] for row in rows}
    holds = sorted((Held(*row[1:]) for row in rows if row[0] == "hold"), key=_widest_first)
    paused = frozenset(named["paused"])
    stopped = Stopped(tuple(holds), paused, "limited" in said, "drains" in said)
    return Look(frozenset(named["ready"]), stopped, frozenset(named["model"]))


_HOLD = ("kind", "name", "placed_by", "placed_why")


def _told(what: str, rows: QuerySet[Any], *columns: str) -> QuerySet[Any, tuple[str, ...]]:
    """Rows of any table as five texts, of which the first says what they are."""
    texts = [*(F(column) for column in columns), *[_text("")] * (4 - len(columns))]
    told = {f"told_{place}": text for place, text in enumerate([_text(what), *texts])}
    asked: QuerySet[Any, tuple[str, ...]] = rows.order_by().annotate(**told).values_list(*told)
    return asked


def _text(value: str) -> Value:
    return Value(value, output_field=CharField())


def _limited() -> Q:
    limits = ("limit", "concurrency", "worker_concurrency")
    return Q(*(Q(**{f"{column}__isnull": False}) for column in limits), _connector=Q.OR)


def _draining(worker_id: str) -> QuerySet[Worker]:
    return Worker.objects.filter(worker_id=worker_id, drain_asked_at__isnull=False)


def _widest_first(held: Held) -> tuple[int, str]:
    return (HoldKind.values.index(held.kind), held.name)
