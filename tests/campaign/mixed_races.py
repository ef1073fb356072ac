"""Races under policies: whatever people, the clock and a cancel can do, at the same moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from approvals.models import ApprovalRequest, Policy
from approvals.services.claims import claim, hand_over, release
from approvals.services.decisions import decide
from approvals.services.expiry import expire_due
from approvals.typed import PREFIX
from tests.approvals.rows import ask, awaiting_run
from tests.campaign.crowd import SIZE, Act, Person, Told, at_once
from tests.campaign.mixed_checks import broken_rules
from tests.policies.rows import SCHEMA, policy
from timestep.errors import TimestepError
from timestep.gate import Interruption
from timestep.models import ACTIVE_STATUSES, Run
from timestep.services.cancel import cancel

# Without a policy; one, or two and one; with another group after the deadline.
TOOLS = ("refund_order", "pay", "pay", "pay_urgently")
AMOUNTS = (5, 50, 500)
# Into the same policy, into another, and into one that denies.
EDITED = (7, 70, 700, 7000)
LATE = timedelta(days=1)
# What a race is mostly about: who is first, votes, the clock, or those who look at it.
_ACTS = {
    "first": {"approve": 4, "page": 4, "reject": 3, "edit": 2, "edit_page": 1, "for_run": 2}
    | {"cancel": 1, "expire": 1, "claim": 1},
    "votes": {"approve": 8, "stale": 3, "edit": 1, "for_run": 1, "claim": 2, "hand_over": 1},
    "clock": {"expire": 3, "late": 1, "cancel": 1, "approve": 1, "reject": 1, "claim": 2},
    "holds": {"claim": 4, "release": 3, "hand_over": 4, "stale": 1, "edit": 1, "cancel": 1},
}


def policies() -> None:
    """The policies that the calls meet; the groups are those of the crowd."""
    over = [{"field": "amount", "op": "greater", "value": 1000}]
    large = [{"field": "amount", "op": "greater", "value": 100}]
    policy("Too much", tool="pay*", position=1, conditions=over, effect="deny")
    needs = {"Finance": 2, "Legal": 1}
    policy("Large", tool="pay", position=2, conditions=large, needs=needs, deadline_seconds=600)
    policy("Small", tool="pay", position=3, deadline_seconds=600, allow_for_run=True)
    made: Policy = policy(
        "Urgent", tool="pay_urgently", position=4, needs={"Finance": 1}, deadline_seconds=600
    )
    made.on_expiry, made.escalate_to = "escalate", Group.objects.get(name="Board")
    made.save()


@dataclass(frozen=True)
class Doer:
    """One person in a race, and what they do; `name` tells their act apart.

    `other` is whom they hand it over to.
    """

    person: Person
    other: Person
    name: str
    asked: ApprovalRequest
    rng: random.Random

    def _told(self, act: Callable[..., object], *words: Any, **options: Any) -> list[Told]:
        """Do it as programs do, and say what came of it."""
        try:
            made = act(*words, **options)
        except TimestepError as error:
            return [Told(self.name, self.person.name, self.asked.pk, False, str(error), error)]
        return [Told(self.name, self.person.name, self.asked.pk, True, "", made)]

    def _decides(self, *, approve: bool = True, **options: Any) -> list[Told]:
        given = {"by": self.person.user, "via": self.name, "reason": self.name} | options
        return self._told(decide, self.asked.pk, approve=approve, **given)

    def _posts(self, name: str, **sent: str) -> list[Told]:
        status, said = self.person.posts(name, self.asked.pk, sent=sent)
        return [Told(self.name, self.person.name, self.asked.pk, status < 400, said, status=status)]

    def approve(self) -> list[Told]:
        """Approve whatever the arguments are."""
        return self._decides()

    def stale(self) -> list[Told]:
        """Approve what was shown at first."""
        return self._decides(shown=self.asked.arguments_digest)

    def reject(self) -> list[Told]:
        """Reject."""
        return self._decides(approve=False)

    def for_run(self) -> list[Told]:
        """Approve for the rest of the run."""
        return self._decides(for_run=True)

    def edit(self) -> list[Told]:
        """Approve with other arguments."""
        return self._decides(arguments={"order_id": 1, "amount": self.rng.choice(EDITED)})

    def edit_page(self) -> list[Told]:
        """The same by the form."""
        fields = {"order_id": "1", "amount": str(self.rng.choice(EDITED))}
        typed = {PREFIX + name: value for name, value in fields.items()}
        shown = self.asked.arguments_digest
        return self._posts("approval_decide", decision="edit", shown=shown, **typed)

    def page(self) -> list[Told]:
        """Approve or reject by the form."""
        word = self.rng.choice(["approve", "approve", "reject"])
        shown = self.asked.arguments_digest
        return self._posts("approval_decide", decision=word, reason=self.name, shown=shown)

    def claim(self) -> list[Told]:
        """Say that one reviews it."""
        return self._told(claim, self.asked.pk, by=self.person.user, via=self.name)

    def release(self) -> list[Told]:
        """Say that one does not any more."""
        return self._told(release, self.asked.pk, by=self.person.user, via=self.name)

    def hand_over(self) -> list[Told]:
        """Ask somebody else."""
        given = {"by": self.person.user, "to": self.other.user, "via": self.name}
        return self._told(hand_over, self.asked.pk, **given)

    def expire(self) -> list[Told]:
        """The clock of a worker, which looks until the deadline has passed."""
        for _ in range(5):
            time.sleep(self.rng.uniform(0, 0.06))
            expire_due()
        return []

    def late(self) -> list[Told]:
        """The clock of a worker, long after the deadline."""
        expire_due(timezone.now() + LATE)
        return []

    def cancel(self) -> list[Told]:
        """Cancel the run."""
        return self._told(cancel, self.asked.run_id, by=self.person.name)


def mixed_race(people: Sequence[Person], rng: random.Random) -> tuple[int, list[str]]:
    """One race for one call; how many took part, and what went wrong."""
    asked = _asked(rng)
    chosen = rng.sample(list(people), round(2 * (SIZE / 2) ** rng.random()))
    # Members of the groups take part in each race: others could not decide most of them.
    chosen = [*rng.sample(list(people[:12]), rng.randint(1, 6)), *chosen][:SIZE]
    mix = _ACTS[rng.choice(list(_ACTS))]
    kinds = rng.choices(list(mix), list(mix.values()), k=len(chosen))
    acts = [
        _act(Doer(who, rng.choice(people), f"{kind} {n}", asked, random.Random(rng.random())))
        for n, (who, kind) in enumerate(zip(chosen, kinds, strict=True))
    ]
    told, broken = at_once(acts)
    if asked.deadline_at is not None:
        expire_due()
    broken += broken_rules(asked, told)
    _clear(asked.run_id)
    return len(acts), [f"{asked.pk} ({asked.tool}): {line}" for line in broken]


def _act(doer: Doer) -> Act:
    act: Act = getattr(doer, doer.name.partition(" ")[0])
    return act


def _asked(rng: random.Random) -> ApprovalRequest:
    """A call that waits; of some with a deadline it is about to pass."""
    tool, amount = rng.choice(TOOLS), rng.choice(AMOUNTS)
    arguments = f'{{"order_id": 1, "amount": {amount}}}'
    call = Interruption("call_1", "cashier", tool, arguments, schema=SCHEMA)
    [asked] = ask(awaiting_run(), call)
    if asked.deadline_at is not None and rng.random() < 0.4:
        soon = timezone.now() + timedelta(seconds=rng.uniform(0.0, 0.2))
        ApprovalRequest.objects.filter(pk=asked.pk).update(deadline_at=soon, due_at=soon)
        asked.deadline_at = soon
    return asked


def _clear(run_id: str) -> None:
    """Let nothing of it wait, so that the clocks of other races leave it alone."""
    if Run.objects.filter(pk=run_id, status__in=ACTIVE_STATUSES).exists():
        cancel(run_id, by="the race")
