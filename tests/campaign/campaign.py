"""One database's campaign: launching, being the people, and killing workers; see `kills`."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any

from approvals.models import ApprovalRequest, RequestKind, RequestStatus
from approvals.services.decisions import decide, resolve_unknown
from tests.campaign import journal
from tests.campaign.checks import Span, broken_rules, collect, takeover_seconds
from tests.campaign.installation import Installation
from tests.campaign.rules import Scenario
from timestep.engine.writer import FOLD_AFTER_SECONDS, fold_leftovers
from timestep.models import ENDED_STATUSES, Run, Worker

TAKEOVER_WITHIN_S = 15.0
END_WITHIN_S = 180.0
EXCUSED_FOR_S = 30.0
NOTICED_WITHIN_S = 3.0


@dataclass
class Campaign:
    """One database's campaign."""

    engine: Installation
    names: list[str]
    rng: random.Random
    scenario: Scenario
    concurrent: int = 4
    launched: int = 0
    open_ids: set[str] = field(default_factory=set)
    kills: list[Span] = field(default_factory=list)
    freezes: int = 0
    outages: int = 0
    disturbed_at: float = 0.0
    crashes: list[str] = field(default_factory=list)
    answers: list[tuple[str, str, float]] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)

    def run(self, kills: int) -> list[str]:
        """Kill that often, let all runs end, and return the broken rules."""
        for name in self.names:
            self.engine.start_worker(name)
        for name in self.names:
            self.engine.worker(name)
        while len(self.kills) - self.freezes < kills:
            self._kill_once()
        for name in self.names:
            self.engine.ready(name)
        self._attend(END_WITHIN_S, refill=False)
        return self._broken_rules()

    def _broken_rules(self) -> list[str]:
        time.sleep(FOLD_AFTER_SECONDS + 1)
        fold_leftovers(0)
        late = [s for s in self.takeovers if s > TAKEOVER_WITHIN_S]
        broken = broken_rules(collect(self.engine, self.scenario, self.kills, self.answers))
        broken += [f"a takeover took {seconds:.1f} s" for seconds in late]
        return broken + self.crashes

    def _kill_once(self) -> None:
        """One kill: in the middle of work, soon after another, or while a worker is starting.

        Where two workers are, one may also be frozen, for longer or shorter than its lease, and
        every connection to the database be cut.
        """
        name = self.rng.choice(self.names)
        kinds = {"working": 6, "hasty": 2, "starting": 2}
        if len(self.names) > 1:
            kinds |= {"frozen": 2, "severed": 2}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        if kind == "starting":
            self._start(name)
            self._attend(self.rng.uniform(0.2, 4.0))
            self._kill(name)
            return
        self._ready(name)
        self._attend(self.rng.uniform(0.0, 0.3) if kind == "hasty" else self.rng.uniform(0.5, 5.0))
        {"frozen": self._freeze, "severed": self._sever}.get(kind, self._kill)(name)

    def _freeze(self, name: str) -> None:
        """Stop a worker for a while; past its lease it must find out and end by itself."""
        process = self.engine.stack.processes[name]
        self.freezes += 1
        frozen_at = time.time()
        process.send_signal(signal.SIGSTOP)
        self._attend(self.rng.uniform(2.0, 14.0))
        process.send_signal(signal.SIGCONT)
        self.disturbed_at = time.time()
        # So long it may take to notice; a call that may be repeated is then made twice.
        self._attend(NOTICED_WITHIN_S)
        self.kills.append((frozen_at, time.time()))

    def _sever(self, _name: str) -> None:
        self.outages += 1
        for _ in range(3):
            self.engine.sever_connections()
            self.disturbed_at = time.time()
            self._attend(self.rng.uniform(0.1, 1.0))

    def _ready(self, name: str) -> None:
        self._start(name)
        while not self._is_ready(name):
            self._attend(0.1)
            self._start(name)

    def _start(self, name: str) -> None:
        """Start a worker that does not run; note it where nothing excuses that it ended."""
        process = self.engine.stack.processes.get(name)
        if process is not None and process.poll() is not None:
            code = self.engine.ended(name)
            # Swept after a freeze, or without a database while it was starting.
            if time.time() - self.disturbed_at > EXCUSED_FOR_S:
                log = self.engine.stack.log(name)[-2000:]
                self.crashes.append(f"{name} ended with exit code {code}: {log}")
            process = None
        if process is None:
            self.engine.start_worker(name)

    def _is_ready(self, name: str) -> bool:
        process = self.engine.stack.processes[name]
        return process.poll() is None and self._worker_id(name) is not None

    def _worker_id(self, name: str) -> str | None:
        pid = self.engine.stack.processes[name].pid
        rows = Worker.objects.filter(pid=pid, stopped_at__isnull=True, swept_by__isnull=True)
        return rows.values_list("worker_id", flat=True).first()

    def _kill(self, name: str) -> None:
        worker_id = self._worker_id(name)
        others = [other for other in self.names if other != name]
        took_over = [other for other in others if other in self.engine.stack.processes]
        survives = any(self._is_ready(other) for other in took_over)
        survives = survives and time.time() - self.disturbed_at > EXCUSED_FOR_S
        killed = self.engine.kill(name)
        self.kills.append((killed, killed))
        self.engine.start_worker(name)
        # Only where the other one lives is this the time of a takeover and not of a start.
        if survives and worker_id is not None and self.rng.random() < 0.6:
            until = time.monotonic() + TAKEOVER_WITHIN_S
            while time.monotonic() < until and not self._swept(worker_id):
                self._attend(0.2)
            self.takeovers += takeover_seconds(killed, worker_id, TAKEOVER_WITHIN_S + 5)

    def _swept(self, worker_id: str) -> bool:
        return Worker.objects.filter(worker_id=worker_id, swept_by__isnull=False).exists()

    def _attend(self, seconds: float, *, refill: bool = True) -> None:
        """Be the people for a while: launch, decide, answer; without refill, until all ended."""
        deadline = time.monotonic() + seconds
        while True:
            self._look(refill)
            left = deadline - time.monotonic()
            if left <= 0 or not (refill or self.open_ids):
                return
            time.sleep(min(left, 0.1))

    def _look(self, refill: bool) -> None:
        while refill and len(self.open_ids) < self.concurrent:
            run = self.scenario.launch(self.engine, self.launched, self.rng)
            self.open_ids.add(run.run_id)
            self.launched += 1
        self._decide()
        ended = Run.objects.filter(run_id__in=self.open_ids, status__in=ENDED_STATUSES)
        self.open_ids -= set(ended.values_list("run_id", flat=True))

    def _decide(self) -> None:
        person = self.engine.person()
        for asked in ApprovalRequest.objects.filter(status=RequestStatus.PENDING):
            if asked.kind == RequestKind.TOOL_CALL:
                decide(asked.approval_id, approve=True, by=person)
            else:
                outcome, result = self._answer(asked)
                resolve_unknown(asked.approval_id, outcome=outcome, result=result, by=person)
                name = self.scenario.journal_id(asked)
                self.answers.append((name, outcome, time.time()))

    def _answer(self, asked: Any) -> tuple[str, str]:
        if self.rng.random() < 0.5:
            return "run_again", ""
        return "happened", self.scenario.told(asked)


def numbers(one: Campaign) -> dict[str, Any]:
    """Figures of a finished campaign."""
    requests = one.engine.double.requests()
    turns = {(r["conversation"], r["turn"]) for r in requests}
    lines = journal.read(one.engine.journal_path)
    starts = [e for e in lines if e.phase == "start" and e.tool in one.scenario.tools]
    waits = sorted(one.takeovers)
    return {
        "kills": len(one.kills) - one.freezes,
        "freezes": one.freezes,
        "outages": one.outages,
        "runs": one.launched,
        "taken_over": sum(Run.objects.values_list("takeovers", flat=True)),
        "model_calls": len(turns),
        "model_calls_repeated": len(requests) - len(turns),
        "tool_calls": len({e.call_id for e in starts}),
        "tool_calls_repeated": len(starts) - len({e.call_id for e in starts}),
        "outcomes_unknown": len(one.answers),
        "takeover_s": {
            "n": len(waits),
            "median": round(waits[len(waits) // 2], 1) if waits else None,
            "worst": round(waits[-1], 1) if waits else None,
        },
    }
