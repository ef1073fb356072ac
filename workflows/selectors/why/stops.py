"""What people have stopped: holds, paused queues, delays."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from timestep.models import Hold, HoldKind
from timestep.services.database_clock import database_now
from workflows.selectors.why.case import Case, Mend, Reason


def held(case: Case) -> Iterator[Reason]:
    """The emergency stop, of everything or of the run's agent."""
    for hold in case.holds:
        everything = hold.kind == HoldKind.EVERYTHING
        if everything or (hold.kind == HoldKind.AGENT and hold.name == case.run.agent):
            yield reason_of(hold)


def reason_of(hold: Hold) -> Reason:
    """What a hold says of whatever it stops."""
    what = {
        HoldKind.EVERYTHING.value: "Everything is held",
        HoldKind.AGENT.value: f"The agent {hold.name} is held",
        HoldKind.TOOL.value: f"The tool {hold.name} is held",
    }[hold.kind]
    release = Mend("Release…", f"{reverse('stop')}#hold-{hold.pk}", "timestep.operate_hold")
    text = f"{what} by {hold.placed_by}: {hold.placed_why}"
    return Reason("held", text, since=hold.placed_at, mends=(release,))


def paused(case: Case) -> Iterator[Reason]:
    """A paused queue, which holds resumes too."""
    queue = case.queue
    if not queue.paused or case.is_given:
        return
    unpause = Mend(
        f"Resume {queue.name}",
        reverse("queue_resume", args=[queue.name]),
        "timestep.operate_queue",
        post=True,
    )
    text = f"Queue {queue.name} is paused by {queue.paused_by}: {queue.paused_why}"
    yield Reason("paused", text, since=queue.paused_at, mends=(unpause, *moves(case)))


def moves(case: Case) -> tuple[Mend, ...]:
    """The way to another queue, for a run that has not begun."""
    if not case.is_start:
        return ()
    place = f"{reverse('queue', args=[case.run.queue])}#run-{case.run.run_id}"
    return (Mend("Move it…", place, "timestep.operate_queue"),)


def delayed(case: Case) -> Iterator[Reason]:
    """A run that was launched for later."""
    until = case.run.delayed_until
    if case.is_start and until is not None and until > database_now():
        yield Reason("delayed", "It was launched to start later.", until=until)
