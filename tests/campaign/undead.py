"""Workers that are stopped, and go on when others have done what they were at; see `zombies`."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from approvals.models import ApprovalRequest, RequestStatus
from approvals.services.decisions import resolve_unknown
from tests.campaign import journal
from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent
from tests.campaign.tools import expected
from tests.campaign.zombie_tools import FROZEN, MOMENTS, moment_of
from timestep.models import ENDED_STATUSES, Queue, Run, RunStatus, ToolStart, Worker

TOOLS = "tests.campaign.zombie_tools"
RANDOM, PLAIN = "random", "plain"
# Shares of the moments, the two that matter most before all others.
SHARES = {"started": 8, "racing": 4, "claiming": 3, "ending": 4, "model": 2, RANDOM: 4}
AWAKE, ASLEEP, PLAIN_RUNS = 4, 4, 3
END_WITHIN_S = 180.0
NOTICED_WITHIN_S = 30.0


@dataclass
class Zombie:
    """A worker that was stopped, and what it was at."""

    name: str
    worker_id: str
    moment: str
    runs: set[str]
    frozen_at: float = field(default_factory=time.time)
    taken_over_s: float = 0.0
    thawed_at: float = 0.0
    code: int | None = None


@dataclass
class Undead:
    """One campaign."""

    engine: Installation
    rng: random.Random
    zombies: list[Zombie] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    started: int = 0
    seen: int = 0

    def run(self, zombies: int) -> list[str]:
        """Make so many zombies, let all runs end, and return the broken rules."""
        self.engine.stack.extra["TIMESTEP_TOOLS"] = TOOLS
        names, shares = list(SHARES), list(SHARES.values())
        self.planned = [*MOMENTS, *self.rng.choices(names, shares, k=zombies)][:zombies]
        self._start_worker()
        self.engine.worker(self.awake[0])
        Queue.objects.update_or_create(name="default", defaults={"limit": None})
        while len(self.zombies) < zombies:
            self._look()
            self._launch_some()
            self._freeze_one(self.rng)
            time.sleep(0.05)
        self._let_all_end()
        return self.broken + list(self._broken_rules())

    def _let_all_end(self) -> None:
        deadline = time.monotonic() + END_WITHIN_S
        while self.open or any(zombie.code is None for zombie in self.zombies):
            self._look()
            time.sleep(0.05)
            if time.monotonic() > deadline:
                self.broken.append(f"not within {END_WITHIN_S} s: {self.open}")
                return

    @property
    def awake(self) -> list[str]:
        """The processes that were not stopped."""
        stopped = {zombie.name for zombie in self.zombies}
        return [name for name in self.engine.stack.processes if name not in stopped]

    @property
    def asleep(self) -> list[Zombie]:
        """Those that are stopped now."""
        return [zombie for zombie in self.zombies if not zombie.thawed_at]

    def _start_worker(self) -> None:
        self.started += 1
        self.engine.start_worker(f"worker-{self.started}")

    def _ids(self) -> dict[str, str]:
        """Of each process that is awake and executes, its worker."""
        pids = {self.engine.stack.processes[name].pid: name for name in self.awake}
        rows = Worker.objects.filter(pid__in=pids, stopped_at=None, swept_by=None)
        return {pids[pid]: one for pid, one in rows.values_list("pid", "worker_id")}

    def _look(self) -> None:
        """Be the people, notice who stopped, wake who may be woken, and replace who ended."""
        self._notice()
        for asked in ApprovalRequest.objects.filter(status=RequestStatus.PENDING):
            by = self.engine.person()
            resolve_unknown(asked.approval_id, outcome="run_again", result="", by=by)
            self.answers[asked.call_id] += 1
        ended = Run.objects.filter(run_id__in=self.open, status__in=ENDED_STATUSES)
        self.open -= set(ended.values_list("run_id", flat=True))
        for zombie in self.zombies:
            self._care_for(zombie)
        for _ in range(AWAKE - len(self.awake)):
            self._start_worker()

    def _notice(self) -> None:
        """Those that stopped themselves, since they came to the moment of a run."""
        lines = [e for e in journal.read(self.engine.journal_path) if e.phase == FROZEN]
        for line in lines[self.seen :]:
            names = {p.pid: name for name, p in self.engine.stack.processes.items()}
            row = Worker.objects.filter(pid=line.pid, swept_by=None).latest("started_at")
            self._is_stopped(names[line.pid], row.worker_id, line.tool, {line.call_id})
        self.seen = len(lines)

    def _is_stopped(self, name: str, worker_id: str, moment: str, runs: set[str]) -> None:
        owned = Run.objects.filter(owner=worker_id, status=RunStatus.RUNNING)
        given = Run.objects.filter(segments__worker=worker_id, run_id__in=self.open)
        for rows in (owned, given):
            runs |= set(rows.values_list("run_id", flat=True))
        self.zombies.append(Zombie(name, worker_id, moment, runs))

    def _freeze_one(self, rng: random.Random) -> None:
        """Stop one at a random moment, where that is due."""
        wanted = self.planned[: len(self.zombies) + 1].count(RANDOM)
        made = sum(zombie.moment == RANDOM for zombie in self.zombies)
        ids = self._ids()
        if made >= wanted or not self._may_stop(len(ids)) or rng.random() > 0.2:
            return
        name = rng.choice(sorted(ids))
        self.engine.stack.processes[name].send_signal(signal.SIGSTOP)
        self._is_stopped(name, ids[name], RANDOM, set())

    def _may_stop(self, awake: int) -> bool:
        """Whether enough are left that take over, also when all that is armed has struck."""
        armed = sum(moment_of(run) != PLAIN for run in self._armed())
        return awake - armed > 2 and len(self.asleep) + armed < ASLEEP

    def _armed(self) -> list[str]:
        struck = {run for zombie in self.zombies for run in zombie.runs}
        return [run for run in self.open if moment_of(run) != PLAIN and run not in struck]

    def _launch_some(self) -> None:
        if sum(moment_of(run) == PLAIN for run in self.open) < PLAIN_RUNS:
            self._launch(PLAIN)
        launched = [moment_of(run) for run in self.runs]
        for moment in MOMENTS:
            due = self.planned[: len(self.zombies) + ASLEEP].count(moment)
            if launched.count(moment) < due and self._may_stop(len(self._ids())):
                self._launch(moment)
                return

    def _launch(self, moment: str) -> None:
        run_id = f"zombie-{len(self.runs):04}.{moment}"
        turns = [
            {"calls": [call("transfer", tag=f"{run_id}/{n}", seconds=self._seconds())]}
            for n in range(2)
        ]
        last = {"text": "{outputs}"}
        self.engine.double.says(script(f"{run_id} goes.", *turns, last, token_delay=0.01))
        agents = [agent("teller", tools=["transfer"])]
        self.engine.launch(agents, f"{run_id} goes.", run_id=run_id)
        self.runs.append(run_id)
        self.open.add(run_id)

    def _seconds(self) -> float:
        return round(self.rng.uniform(0.05, 0.6), 2)

    def _care_for(self, zombie: Zombie) -> None:
        """Wake it once others have done all that it was at; it must end then."""
        process = self.engine.stack.processes.get(zombie.name)
        if zombie.thawed_at and process is not None:
            zombie.code = process.poll()
            late = time.time() - zombie.thawed_at > NOTICED_WITHIN_S
            if zombie.code is None and late:
                self.broken.append(f"{zombie} goes on")
                process.kill()
            if zombie.code is not None:
                del self.engine.stack.processes[zombie.name]
        elif process is not None and self._may_wake(zombie):
            zombie.thawed_at = time.time()
            process.send_signal(signal.SIGCONT)

    def _may_wake(self, zombie: Zombie) -> bool:
        swept = Worker.objects.filter(worker_id=zombie.worker_id, swept_by__isnull=False)
        if not zombie.taken_over_s and swept.exists():
            zombie.taken_over_s = time.time() - zombie.frozen_at
        return bool(zombie.taken_over_s) and not zombie.runs & self.open

    def _broken_rules(self) -> Iterator[str]:
        """Nothing is lost, and nothing was done twice, or by one that has lost it."""
        runs = Run.objects.in_bulk(self.runs)
        lines = [e for e in journal.read(self.engine.journal_path) if e.phase == "start"]
        starts = Counter(line.call_id for line in lines)
        of_run: dict[str, str] = dict(ToolStart.objects.values_list("call_id", "run_id"))
        for call_id, count in starts.items():
            if count > 1 + self.answers[call_id]:
                yield f"{call_id} of {of_run[call_id]} was made {count} times"
        for line in lines:
            over = runs[of_run[line.call_id]].finished_at
            if over is not None and line.at > over.timestamp():
                yield f"{line} began after {of_run[line.call_id]} had ended"
        for run in runs.values():
            yield from self._broken_run(run, starts)
        yield from (f"{one} was killed" for one in self.zombies if one.code == -signal.SIGKILL)

    def _broken_run(self, run: Run, starts: Counter[str]) -> Iterator[str]:
        asked = self.engine.double.requests(f"{run.run_id} goes.")
        if run.status != RunStatus.SUCCEEDED or run.finished_at is None:
            yield self.engine.described(run)
            return
        late = [one for one in asked if one["at"] > run.finished_at.timestamp()]
        # At other moments a request may have been on its way, between the look and the server.
        if late and moment_of(run.run_id) == "model":
            yield f"the model was asked after {run.run_id} had ended: {late}"
        for n in range(2):
            call_id = f"call_{asked[0]['conversation']}_{n}_0"
            if expected("transfer", f"{run.run_id}/{n}", call_id) not in str(run.final_output):
                yield f"{run.run_id} ended with {run.final_output!r}"
            if not starts[call_id]:
                yield f"{run.run_id}: {call_id} was never made"


def numbers(one: Undead) -> dict[str, Any]:
    """Figures of a finished campaign."""
    lines = [e for e in journal.read(one.engine.journal_path) if e.phase == "start"]
    waits = sorted(zombie.taken_over_s for zombie in one.zombies)
    slept = [zombie.thawed_at - zombie.frozen_at for zombie in one.zombies]
    return {
        "zombies": len(one.zombies),
        "moments": dict(Counter(zombie.moment for zombie in one.zombies)),
        "runs": len(one.runs),
        "calls": len({line.call_id for line in lines}),
        "starts": len(lines),
        "run_again": sum(one.answers.values()),
        "swept_after_s": {"median": round(waits[len(waits) // 2], 1), "worst": round(waits[-1], 1)},
        "asleep_s": {"shortest": round(min(slept), 1), "longest": round(max(slept), 1)},
    }
