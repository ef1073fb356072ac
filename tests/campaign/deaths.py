"""Workers that are killed once people have decided: before, while and after the run goes on.

Each round launches runs that ask about calls which must not be repeated, lets several people
decide on each at the same moment, and kills the worker at a seeded moment of the first run. The
next worker finds what is left, and runs of earlier rounds may be hit again.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from approvals.errors import AlreadyDecided
from approvals.models import (
    ApprovalRequest,
    AuditEntry,
    Decision,
    Notice,
    Policy,
    RequestKind,
    RequestStatus,
)
from approvals.services.audit import verify
from approvals.services.decisions import decide, resolve_unknown
from tests.campaign import journal
from tests.campaign.crowd import Act, Told, at_once
from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent, until
from tests.campaign.tools import expected
from timestep.models import ENDED_STATUSES, Run, RunStatus, Segment, SegmentState

MOMENTS = ("before dispatch", "after claim", "in the tool", "after the tool")
RUNS_A_ROUND = 3
END_WITHIN_S = 120.0
_MOMENT_WITHIN_S = 20.0
_REJECTED = "a person rejected it"


def _nothing() -> None:
    """What is done at most moments: wait."""


@dataclass
class Deaths:
    """The rounds on one installation."""

    engine: Installation
    rng: random.Random
    runs: list[Run] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def run(self, kills: int) -> list[str]:
        """Kill that often, let all runs end, and return the broken rules."""
        if not kills:
            return []
        began = time.monotonic()
        self.people = [_person(f"decider-{n}") for n in range(4)]
        for _ in range(kills):
            self._round()
        self.engine.ready()
        try:
            until(self._attend, END_WITHIN_S, "all runs end", pause=0.1)
        except AssertionError:
            left = Run.objects.filter(pk__in=[one.pk for one in self.runs])
            left = left.exclude(status__in=ENDED_STATUSES)
            self.broken += [f"never ended: {self.engine.described(one)}" for one in left]
        self.broken += [line for run in self.runs for line in self._broken(run)]
        self.broken += [f"the audit trail: {one}" for one in verify().problems]
        self.seconds = round(time.monotonic() - began, 1)
        return self.broken

    def numbers(self) -> dict[str, Any]:
        """What was done, and where deaths found the runs."""
        starts = [one for one in journal.read(self.engine.journal_path) if one.phase == "start"]
        return {
            "kills": sum(self.moments.values()),
            "moments": dict(self.moments),
            "found": dict(self.found),
            "runs": len(self.runs),
            "calls_made": len(starts),
            "kills_s": self.seconds,
        }

    def _round(self) -> None:
        self.engine.ready()
        launched = [self._launch() for _ in range(RUNS_A_ROUND)]
        self.runs += launched
        for run in launched:
            until(partial(self._asks, run), _MOMENT_WITHIN_S, f"{run.pk} asks", pause=0.01)
        moment = self.rng.choice(MOMENTS)
        for run in launched[1:]:
            self._decide(run, ("approve", "approve", "edit", "reject"))
        dies = self.engine.stack.processes["worker"].kill
        self._decide(launched[0], ("approve",), dies if moment == MOMENTS[0] else _nothing)
        self._wait_for(moment, launched[0])
        self.engine.kill()
        self.moments[moment] += 1
        self._note(launched)
        self.engine.start_worker()
        self._attend()

    def _launch(self) -> Run:
        """A run that asks about one call or two."""
        text = f"death {self.rng.randrange(10**9):09}."
        pays = [
            call("pay", tag=f"p{n}", seconds=round(self.rng.uniform(0.05, 0.4), 2))
            for n in range(self.rng.choice([1, 1, 2]))
        ]
        self.engine.double.says(script(text, {"calls": pays}, {"text": "{outputs}"}))
        return self.engine.launch([agent("payer", tools=["pay"])], text)

    def _asks(self, run: Run) -> bool:
        self._attend()
        return self.engine.run(run.pk).status == "awaiting_approval"

    def _decide(
        self, run: Run, kinds: Sequence[str], then: Callable[[], object] = _nothing
    ) -> None:
        """Several people on each call at once; `then` is done as soon as it is committed."""
        for asked in self.engine.asked(run):
            acts: list[Act] = [
                partial(_decides, asked, by, self.rng.choice(kinds), then) for by in self.people
            ]
            told, broken = at_once(acts)
            self.broken += [f"{run.pk}: {line}" for line in broken]
            if sum(one.won for one in told) != 1:
                self.broken.append(f"{asked.pk} was won by {told}")

    def _wait_for(self, moment: str, run: Run) -> None:
        """Until the run is there, and a moment longer."""
        calls = [asked.call_id for asked in ApprovalRequest.objects.filter(run=run)]

        def there() -> bool:
            if moment == "after claim":
                segments = Segment.objects.filter(run=run, n=1)
                return not segments.filter(state=SegmentState.READY).exists()
            phase = "start" if moment == "in the tool" else "end"
            lines = journal.read(self.engine.journal_path)
            return any(one.call_id in calls and one.phase == phase for one in lines)

        if moment != "before dispatch":
            until(there, _MOMENT_WITHIN_S, f"{run.pk} is {moment}", pause=0.001)
        longest = {"after claim": 0.05, "in the tool": 0.04}
        time.sleep(self.rng.uniform(0.0, longest.get(moment, 0.0)))

    def _note(self, runs: list[Run]) -> None:
        """Where the death found each run: by its segment, and by the journal of its calls."""
        lines = journal.read(self.engine.journal_path)
        for run in runs:
            state = Segment.objects.values_list("state", flat=True).get(run=run, n=1)
            calls = set(ApprovalRequest.objects.filter(run=run).values_list("call_id", flat=True))
            phases = [(one.call_id, one.phase) for one in lines if one.call_id in calls]
            open_calls = {one for one, _ in phases} - {
                one for one, phase in phases if phase == "end"
            }
            where = "in a call" if open_calls else "after a call" if phases else "before its calls"
            self.found[f"{state}, {where}"] += 1

    def _attend(self) -> bool:
        """Answer what nobody knows as somebody does who can look; whether all runs ended."""
        ids = [one.pk for one in self.runs]
        for asked in ApprovalRequest.objects.filter(
            run__in=ids, status=RequestStatus.PENDING, kind=RequestKind.OUTCOME_UNKNOWN
        ):
            made = journal.read(self.engine.journal_path)
            happened = any(one.call_id == asked.call_id for one in made)
            outcome = "happened" if happened else "run_again"
            tag = asked.arguments["tag"]
            result = expected("pay", tag, asked.call_id) if happened else ""
            resolve_unknown(asked.pk, outcome=outcome, result=result, by=self.people[0])
            self.found[f"answered {outcome}"] += 1
        return not Run.objects.filter(pk__in=ids).exclude(status__in=ENDED_STATUSES).exists()

    def _broken(self, run: Run) -> Iterator[str]:
        now, known = self.engine.run(run.pk), run.pk
        if now.status != "succeeded":
            yield f"{known} is {now.status}: {now.error}"
        rows = ApprovalRequest.objects.filter(run=run).order_by("approval_id")
        requests = list(rows.select_related("decision"))
        calls = [one for one in requests if one.kind == RequestKind.TOOL_CALL]
        resumed = Segment.objects.filter(run=run, revision__isnull=False)
        if resumed.count() != 1 or resumed.exclude(n=1).exists():
            yield f"{known} has the resumed segments {list(resumed.values_list('n', 'kind'))}"
        for row in requests:
            yield from _broken_request(row)
        unknown = [one for one in requests if one.kind == RequestKind.OUTCOME_UNKNOWN]
        for call_id in {one.call_id for one in unknown}:
            answers = [
                str(getattr(one, "decision", "")) for one in unknown if one.call_id == call_id
            ]
            if any(one.startswith("happened") for one in answers[:-1]):
                yield f"{known}: {call_id} was asked about again after the answers {answers}"
        starts = Counter(
            one.call_id for one in journal.read(self.engine.journal_path) if one.phase == "start"
        )
        for row in calls:
            yield from _broken_call(row, starts[row.call_id], str(now.final_output))


def leave_nothing() -> None:
    """Let no worker find anything of what was raced for before."""
    Segment.objects.update(state=SegmentState.ENDED)
    Run.objects.exclude(status__in=ENDED_STATUSES).update(status=RunStatus.CANCELLED)
    Notice.objects.update(spread_at=timezone.now())
    Policy.objects.update(active=False)


def _person(name: str) -> User:
    found = get_user_model().objects.filter(username=name).first()
    return found or get_user_model().objects.create_superuser(name)


def _decides(asked: ApprovalRequest, by: User, kind: str, then: Callable[[], object]) -> list[Told]:
    given: dict[str, Any] = {"approve": kind != "reject", "by": by, "reason": f"says {by}"}
    if kind == "edit":
        given["arguments"] = asked.arguments | {"tag": "edited"}
    try:
        with transaction.atomic():
            transaction.on_commit(then)
            decide(asked.pk, **given)
    except AlreadyDecided as error:
        return [Told(kind, by.get_username(), asked.pk, False, str(error), error)]
    return [Told(kind, by.get_username(), asked.pk, True)]


def _broken_request(row: ApprovalRequest) -> Iterator[str]:
    """Decided once, and on record."""
    decision: Decision | None = getattr(row, "decision", None)
    entries = AuditEntry.objects.filter(subject=row.pk, act="approval.decided")
    kept = [(one.actor, (one.payload or {}).get("outcome")) for one in entries]
    if decision is None or kept != [(decision.decided_by_name, decision.outcome)]:
        yield f"{row.pk} has the decision {decision} and the entries {kept}"


def _broken_call(row: ApprovalRequest, starts: int, output: str) -> Iterator[str]:
    """An approved call was made once, with what was approved; a rejected one was not made."""
    approved = row.status == RequestStatus.APPROVED
    if starts != approved:
        yield f"{row.run_id}: {row.call_id} is {row.status}, and was made {starts} times"
    tag = (row.edited_arguments or row.arguments)["tag"]
    wanted = expected("pay", tag, row.call_id) if approved else _REJECTED
    if wanted not in output:
        yield f"{row.run_id}: {row.call_id} is {row.status}, and the output is {output[:500]!r}"
