"""Races for plain requests: 2 to 50 people approve and reject at the same moment."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from approvals.errors import AlreadyDecided
from approvals.models import ApprovalRequest, AuditEntry, Decision, RequestStatus
from approvals.services.decisions import decide
from tests.approvals.rows import ask, awaiting_run, refund_call
from tests.campaign.crowd import SIZE, Act, Person, Told, at_once
from timestep.models import Run, RunEvent, RunStatus, Segment

_WAYS = {"service": 7, "page": 1, "htmx": 1, "batch": 1}
_REDIRECT, _OK = 302, 200


@dataclass(frozen=True)
class Decider:
    """One person, what they want, and the way they take. The reason tells them apart."""

    person: Person
    approve: bool
    reason: str

    @property
    def word(self) -> str:
        """As forms say it."""
        return "approve" if self.approve else "reject"

    def by_service(self, asked: ApprovalRequest) -> list[Told]:
        """Decide as programs do."""
        who, why = self.person, self.reason
        try:
            decide(asked.pk, approve=self.approve, by=who.user, reason=why, via=why)
        except AlreadyDecided as error:
            return [Told(why, who.name, asked.pk, False, str(error))]
        return [Told(why, who.name, asked.pk, True)]

    def by_page(self, asked: ApprovalRequest, *, part: bool) -> list[Told]:
        """Decide by a form, of a page or of a part of it."""
        sent = {"decision": self.word, "reason": self.reason, "shown": asked.arguments_digest}
        status, said = self.person.posts("approval_decide", asked.pk, sent=sent, part=part)
        won = status == (_OK if part else _REDIRECT)
        return [Told(self.reason, self.person.name, asked.pk, won, said, status=status)]

    def by_batch(self, several: Sequence[ApprovalRequest]) -> list[Told]:
        """Decide all calls of the run together."""
        ids = [f"{one.pk}:{one.arguments_digest}" for one in several]
        sent = {"id": ids, "decision": self.word, "reason": self.reason}
        status, page = self.person.posts("approvals_decide", sent=sent)
        lines = {one.pk: _line_about(one.pk, page) for one in several}
        return [
            Told(self.reason, self.person.name, pk, "s-failed" not in line, line, status=status)
            for pk, line in lines.items()
        ]


def _line_about(approval_id: str, page: str) -> str:
    """What a page of results says of one request."""
    return next((one for one in page.split('<div class="line">')[1:] if approval_id in one), "")


def plain_race(people: Sequence[Person], rng: random.Random) -> tuple[int, list[str]]:
    """One race for the calls of one run; how many decided, and what went wrong."""
    run = awaiting_run()
    calls = [refund_call(f"call_{n}") for n in range(rng.choice([1, 1, 1, 2, 3]))]
    requests = ask(run, *calls)
    acts = [_act(one, n, requests, rng) for n, one in enumerate(_drawn(people, rng))]
    told, broken = at_once(acts)
    broken += _broken(run.pk, told)
    return len(acts), [f"{run.pk}: {line}" for line in broken]


def _drawn(people: Sequence[Person], rng: random.Random) -> list[Person]:
    """From 2 to 50 of them, few more often than many."""
    count = round(2 * (SIZE / 2) ** rng.random())
    return rng.sample(list(people), count)


def _act(
    person: Person, number: int, requests: Sequence[ApprovalRequest], rng: random.Random
) -> Act:
    decider = Decider(person, rng.random() < 0.5, f"reason {number}")
    asked = rng.choice(requests)
    way = rng.choices(list(_WAYS), list(_WAYS.values()))[0]
    if way == "service":
        return partial(decider.by_service, asked)
    if way == "batch":
        return partial(decider.by_batch, requests)
    return partial(decider.by_page, asked, part=way == "htmx")


def _broken(run_id: str, told: Sequence[Told]) -> Iterator[str]:
    requests = ApprovalRequest.objects.filter(run_id=run_id).order_by("created_at", "approval_id")
    rows = list(requests.select_related("decision"))
    for row in rows:
        yield from _broken_outcome(row, [one for one in told if one.request == row.pk])
    yield from _broken_resume(run_id, rows)


def _broken_outcome(row: ApprovalRequest, told: Sequence[Told]) -> Iterator[str]:
    """One outcome, on record once; it is the winner's, and everybody else knows it."""
    decision: Decision | None = getattr(row, "decision", None)
    if decision is None:
        if told or not row.is_pending:
            yield f"{row.pk} is {row.status} without a decision; {len(told)} wanted to decide"
        return
    word = RequestStatus.APPROVED if decision.outcome == "approve" else RequestStatus.REJECTED
    if row.status != word:
        yield f"{row.pk} is {row.status}, and the decision says {decision.outcome}"
    winners = [one for one in told if one.won]
    if len(winners) != 1:
        yield f"{row.pk} has {len(winners)} winners: {winners}"
    elif winners[0].by != decision.decided_by_name or decision.reason not in ("", winners[0].act):
        yield f"{row.pk} was won by {winners[0]}, and kept is {decision}, {decision.reason}"
    stands = str(AlreadyDecided(decision))
    for one in told:
        if not one.won and stands not in one.said:
            yield f"{row.pk}: {one.act} lost and was told {one.status} {one.said[:500]!r}"
    yield from _broken_record(row, decision)


def _broken_record(row: ApprovalRequest, decision: Decision) -> Iterator[str]:
    entries = list(AuditEntry.objects.filter(subject=row.pk, act="approval.decided"))
    kept = [(one.actor, (one.payload or {}).get("outcome")) for one in entries]
    if kept != [(decision.decided_by_name, decision.outcome)]:
        yield f"{row.pk} has the audit entries {kept}, and the decision is {decision}"
    events = RunEvent.objects.filter(run_id=row.run_id, kind="approval.decided")
    if events.filter(payload__approval_id=row.pk).count() != 1:
        yield f"{row.pk} has another number of events than one"


def _broken_resume(run_id: str, rows: Sequence[ApprovalRequest]) -> Iterator[str]:
    """One segment with all decisions once the last one is there, and none before."""
    status = Run.objects.values_list("status", flat=True).get(pk=run_id)
    resumed = list(Segment.objects.filter(run_id=run_id, n__gt=0))
    if any(row.is_pending for row in rows):
        if resumed or status != RunStatus.AWAITING_APPROVAL:
            yield f"is {status} with {len(resumed)} resumed segments, and a call still waits"
        return
    if len(resumed) != 1 or status != RunStatus.QUEUED:
        yield f"is {status} with {len(resumed)} resumed segments"
        return
    wanted = [(row.call_id, row.status == RequestStatus.APPROVED) for row in rows]
    given = [(one["call_id"], one["approve"]) for one in resumed[0].decisions]
    if wanted != given:
        yield f"resumes with {given}, and decided was {wanted}"
