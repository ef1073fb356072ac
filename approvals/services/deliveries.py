"""Delivering what people are to be told: spread, claimed, sent, tried again.

Notices are written with what they tell of. Here each becomes one delivery per person and webhook,
and each delivery is claimed by moving its next try: whoever moves it sends it, and a process that
dies meanwhile leaves it to be tried again. So a message arrives at least once, and rarely twice.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from fnmatch import fnmatchcase

from django.db import DatabaseError, connections, transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from approvals.models import ApprovalRequest, Delivery, DeliveryStatus, Notice, Vote, Webhook
from approvals.policies.people import deciders, may_decide
from approvals.services.channels import NotDelivered, letters_are_sent, send

logger = logging.getLogger(__name__)

AT_ONCE = 20
# Longer than a message takes to be sent or refused.
LEASE = timedelta(minutes=2)
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
# With these pauses: after about a day.
MOST_ATTEMPTS = 30


def deliver_due() -> float | None:
    """Have due messages sent, in a thread of its own: a slow receiver keeps no clock waiting.

    Named in the setting `TIMESTEP_CLOCKS`; workers call it.

    Returns:
        Seconds until the next is due; None where none is waiting.
    """
    if Notice.objects.filter(spread_at=None).exists():
        _SENDER.wake()
        return None
    first = Delivery.objects.filter(status=DeliveryStatus.PENDING).aggregate(at=Min("next_at"))
    if first["at"] is None:
        return None
    seconds: float = (first["at"] - timezone.now()).total_seconds()
    if seconds <= 0:
        _SENDER.wake()
        return None
    return seconds


class _Sender:
    """The thread of this process that sends; it ends when nothing is due."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """See to it that the thread runs."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=_drain, name="timestep-deliveries", daemon=True
                )
                self._thread.start()


_SENDER = _Sender()


def _drain() -> None:
    try:
        while deliver():
            pass
    except DatabaseError as error:
        logger.warning("deliveries: the database does not answer: %s", error)
    except Exception:  # Otherwise the thread would end without a word; the clock starts another.
        logger.exception("deliveries: a message cannot be made")
    finally:
        connections.close_all()


def deliver() -> int:
    """Spread and send what is due, at most a few; returns how many there were."""
    notices = list(Notice.objects.filter(spread_at=None).order_by("pk")[:AT_ONCE])
    for notice in notices:
        spread(notice)
    due = list(_due()[:AT_ONCE])
    for delivery in due:
        if _claim(delivery):
            _deliver(delivery)
    return len(notices) + len(due)


@transaction.atomic
def spread(notice: Notice) -> None:
    """Make the deliveries of a notice, once."""
    mine = Notice.objects.filter(pk=notice.pk, spread_at=None)
    if not mine.update(spread_at=timezone.now()):
        return
    request = ApprovalRequest.objects.get(pk=notice.request_id)
    if not request.is_pending:
        return
    rows = [Delivery(notice=notice, webhook=one) for one in _webhooks(notice, request)]
    rows += [Delivery(notice=notice, user_id=pk) for pk in _people(notice, request)]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def _webhooks(notice: Notice, request: ApprovalRequest) -> list[Webhook]:
    if notice.only_to_id is not None:
        return []
    active = Webhook.objects.filter(active=True)
    return [one for one in active if not one.agent or fnmatchcase(request.agent, one.agent)]


def _people(notice: Notice, request: ApprovalRequest) -> list[int]:
    """Those who may decide, can be written to, and have not voted."""
    if not letters_are_sent():
        return []
    voted = Vote.objects.filter(request=request, voided_at=None).values("user")
    people = deciders(request).exclude(email="").exclude(pk__in=voted)
    if notice.only_to_id is not None:
        people = people.filter(pk=notice.only_to_id)
    return list(people.values_list("pk", flat=True))


def _due() -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(status=DeliveryStatus.PENDING, next_at__lte=timezone.now())
    related = rows.select_related("user", "webhook", "notice__request__run__launched_by")
    return related.order_by("next_at")


def _claim(delivery: Delivery) -> bool:
    """Take a delivery that nobody else has taken, nor put off, since it was read."""
    same = Delivery.objects.filter(
        pk=delivery.pk, status=DeliveryStatus.PENDING, next_at=delivery.next_at
    )
    delivery.attempts += 1
    return bool(same.update(next_at=timezone.now() + LEASE, attempts=delivery.attempts))


def _deliver(delivery: Delivery) -> None:
    if why := _pointless(delivery):
        _end(delivery, DeliveryStatus.DROPPED, why)
        return
    try:
        send(delivery)
    except NotDelivered as error:
        _put_off(delivery, error)
    else:
        _end(delivery, DeliveryStatus.SENT)


def _pointless(delivery: Delivery) -> str:
    """Why a message is not worth sending any more."""
    request = delivery.notice.request
    if not request.is_pending:
        return f"the request was {request.status} before"
    if delivery.user is not None:
        return may_decide(request, delivery.user)
    return "" if delivery.webhook and delivery.webhook.active else "the webhook was switched off"


def _end(delivery: Delivery, status: DeliveryStatus, problem: str = "") -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        status=status, problem=problem, ended_at=timezone.now()
    )


def _put_off(delivery: Delivery, error: NotDelivered) -> None:
    if error.final or delivery.attempts >= MOST_ATTEMPTS:
        _end(delivery, DeliveryStatus.FAILED, error.problem)
        return
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (delivery.attempts - 1))
    # Not on the same second for all: a receiver that comes back is not to be run over.
    next_at = timezone.now() + pause * random.uniform(0.75, 1.25)  # noqa: S311
    Delivery.objects.filter(pk=delivery.pk).update(next_at=next_at, problem=error.problem)
    _hold(delivery)


def _hold(delivery: Delivery) -> None:
    """A receiver that does not answer keeps nobody else waiting: what else it is owed waits."""
    now = timezone.now()
    owed = Delivery.objects.filter(status=DeliveryStatus.PENDING, next_at__lte=now)
    same = Q(webhook=delivery.webhook_id) if delivery.webhook_id else Q(webhook=None)
    owed.filter(same).update(next_at=now + FIRST_PAUSE)
