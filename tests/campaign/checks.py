"""What must hold after the campaign: each broken rule is a line of text."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from tests.campaign import journal
from tests.campaign.double import Json
from tests.campaign.installation import Installation
from tests.campaign.rules import Scenario
from timestep.models import Run, RunEvent, RunStatus, SessionItem

# Every step of a status, and from where it may be taken.
STATUS_STEPS: dict[str, set[str | None]] = {
    "queued": {None, "running", "awaiting_approval"},
    "running": {"queued"},
    "awaiting_approval": {"running"},
    "succeeded": {"running"},
}
ONCE_A_STEP = ("model.finished", "tool.finished", "guardrail.finished", "handoff")
LIVE_KINDS = ("model.started", "tool.started", "guardrail.started", "model.retry")


Span = tuple[float, float]


@dataclass(frozen=True)
class Checkpoint:
    """A step that DBOS has recorded."""

    workflow: str
    step: int
    name: str
    output: str
    completed_at: float


@dataclass
class Evidence:
    """Everything there is to look at, read once at the end."""

    scenario: Scenario
    runs: list[Run]
    requests: list[Json]
    journal: list[journal.Entry]
    checkpoints: list[Checkpoint]
    kills: list[Span]
    answers: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))


def collect(
    engine: Installation,
    scenario: Scenario,
    kills: list[Span],
    answers: Iterable[tuple[str, str, float]],
) -> Evidence:
    """Read the database, the double and the journal.

    Args:
        engine: The installation.
        scenario: What its runs do.
        kills: When a worker was killed, or from when to when it was frozen.
        answers: What people said of unknown outcomes: (name in the journal, outcome, when).
    """
    evidence = Evidence(
        scenario,
        list(Run.objects.filter(launched_from="test")),
        engine.double.requests("", bodies=True),
        journal.read(engine.journal_path),
        list(_checkpoints()),
        sorted(kills),
    )
    for call_id, outcome, at in answers:
        evidence.answers[call_id].append((outcome, at))
    return evidence


def _checkpoints() -> Iterator[Checkpoint]:
    table = "dbos.operation_outputs" if connection.vendor == "postgresql" else "operation_outputs"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT workflow_uuid, function_id, function_name, output, completed_at_epoch_ms"
            f" FROM {table} ORDER BY workflow_uuid, function_id"
        )
        for workflow, step, name, output, at in cursor.fetchall():
            yield Checkpoint(workflow, step, name, output or "", at / 1000)


def broken_rules(evidence: Evidence) -> list[str]:
    """Every rule that does not hold, as a line."""
    rules = (_ends, _pairs, _model_calls, _tool_calls, _others, _unrepeatable)
    told = (_sessions, _events, _deltas, _usage)
    return [line for rule in (*rules, *told) for line in rule(evidence)]


def _ends(evidence: Evidence) -> Iterator[str]:
    """Every run succeeded, and said what its tools returned."""
    finals = {r["input"]: r for r in evidence.requests if r["turn"] == evidence.scenario.final_turn}
    for run in evidence.runs:
        if run.status != RunStatus.SUCCEEDED:
            yield f"{run.run_id} is {run.status}: {run.error}; {_whereabouts(run)}"
            continue
        if run.input not in finals:
            yield f"{run.run_id} ended without its final turn"
            continue
        outputs = [
            item["output"]
            for item in finals[run.input]["body"]["input"]
            if item.get("type") == "function_call_output"
        ]
        if run.final_output != evidence.scenario.final(int(run.run_id.rpartition("-")[2]), outputs):
            yield f"{run.run_id} ended with {run.final_output!r:.300}"


def _whereabouts(run: Run) -> str:
    """Where a run got stuck: its segments, and what DBOS has of them."""
    segments = run.segments.values_list("n", "kind", "state", "worker", "dispatched_at")
    table = "dbos.workflow_status" if connection.vendor == "postgresql" else "workflow_status"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT workflow_uuid, status, queue_name, executor_id, owner_xid FROM {table}"
            " WHERE workflow_uuid LIKE %s",
            [f"{run.run_id}:%"],
        )
        workflows = cursor.fetchall()
    return f"owner {run.owner}, epoch {run.epoch}, {list(segments)}, {workflows}"


def _pairs(evidence: Evidence) -> Iterator[str]:
    """Every model call saw each result beside the call that it belongs to."""
    for request in evidence.requests:
        for wrong in evidence.scenario.wrong_pairs(request["body"]):
            yield f"turn {request['turn']} of {request['input']}: {wrong}"


def _model_calls(evidence: Evidence) -> Iterator[str]:
    """No answer that was recorded was asked for again; nor was any without a kill in between."""
    recorded = _recorded_answers(evidence)
    turns: dict[str, list[Json]] = defaultdict(list)
    for request in evidence.requests:
        turns[f"resp_{request['conversation']}_{request['turn']}"].append(request)
    for ident, asked in turns.items():
        what = f"turn {asked[0]['turn']} of {asked[0]['input']}"
        if ident not in recorded:
            yield f"{what} has no checkpoint"
        for request in asked:
            if (late := request["at"] - recorded.get(ident, request["at"])) > 0:
                yield f"{what} was asked {late:.3f} s after its checkpoint"
        yield from _repeated(what, [request["at"] for request in asked], evidence.kills)


def _recorded_answers(evidence: Evidence) -> dict[str, float]:
    """When each answer of the double was recorded, by the id that the double gave it."""
    recorded = {}
    for checkpoint in evidence.checkpoints:
        if checkpoint.name == "model":
            ident = json.loads(checkpoint.output)["response"]["response_id"]
            recorded[ident] = checkpoint.completed_at
    return recorded


def _repeated(what: str, times: list[float], kills: list[Span]) -> Iterator[str]:
    for earlier, later in itertools.pairwise(times):
        if not any(earlier <= end and begin <= later for begin, end in kills):
            yield f"{what} was repeated after {later - earlier:.3f} s without a kill"


def _tool_calls(evidence: Evidence) -> Iterator[str]:
    """A call was made again only if it was in flight when a worker was killed."""
    recorded = {}
    for checkpoint in evidence.checkpoints:
        if checkpoint.name == "tool":
            text = str(json.loads(checkpoint.output)["output"])
            recorded["call_" + text.rpartition("call_")[2]] = checkpoint.completed_at
    for call_id, starts in _starts(evidence).items():
        what = f"{starts[0].tool} {call_id}"
        if call_id not in recorded:
            yield f"{what} has no checkpoint"
        for start in starts:
            if start.at > recorded.get(call_id, start.at):
                yield f"{what} started {start.at - recorded[call_id]:.3f} s after its checkpoint"
        yield from _repeated(what, [start.at for start in starts], evidence.kills)


def _starts(evidence: Evidence) -> dict[str, list[journal.Entry]]:
    starts: dict[str, list[journal.Entry]] = defaultdict(list)
    for entry in evidence.journal:
        if entry.phase == "start" and entry.tool in evidence.scenario.tools:
            starts[entry.call_id].append(entry)
    return starts


def _other_starts(evidence: Evidence) -> dict[tuple[str, str], list[journal.Entry]]:
    """Starts of what is no tool with a call id: guardrails, tools of MCP servers, functions."""
    starts: dict[tuple[str, str], list[journal.Entry]] = defaultdict(list)
    for entry in evidence.journal:
        if entry.phase == "start" and entry.tool in evidence.scenario.others:
            starts[entry.tool, entry.call_id].append(entry)
    return starts


def _others(evidence: Evidence) -> Iterator[str]:
    """Guardrails, functions and calls of MCP servers were repeated by kills alone."""
    for (tool, what), starts in _other_starts(evidence).items():
        yield from _repeated(f"{tool} {what}", [start.at for start in starts], evidence.kills)


def _unrepeatable(evidence: Evidence) -> Iterator[str]:
    """What must not be repeated was repeated only on a person's word."""
    named = {name: starts for (_, name), starts in _other_starts(evidence).items()}
    for call_id, starts in {**named, **_starts(evidence)}.items():
        if starts[0].tool not in evidence.scenario.unrepeatable:
            continue
        again = [at for outcome, at in evidence.answers[call_id] if outcome == "run_again"]
        if len(starts) > 1 + len(again):
            yield f"{starts[0].tool} {call_id} ran {len(starts)} times, {len(again)} allowed again"
        for start, allowed in zip(starts[1:], again, strict=False):
            if start.at < allowed:
                yield f"{starts[0].tool} {call_id} ran again before anybody said so"


def _sessions(evidence: Evidence) -> Iterator[str]:
    """Each session remembers its run once, in order: the request, every call, the answer."""
    remembered = evidence.scenario.calls_remembered
    for run in evidence.runs:
        rows = SessionItem.objects.filter(session_id=run.session_id).order_by("id")
        items = [row.item for row in rows]
        asked = [item for item in items if item.get("role") == "user"]
        keys = [(i["type"], i["call_id"]) for i in items if "call_id" in i]
        calls = {call_id for kind, call_id in keys if kind == "function_call"}
        answered = {call_id for kind, call_id in keys if kind == "function_call_output"}
        if len(asked) != 1 or items[:1] != asked or items[-1].get("role") != "assistant":
            yield f"{run.run_id}: its session has {len(asked)} requests, {len(items)} items"
        if len(keys) != len(set(keys)) or calls != answered or len(calls) != remembered:
            yield f"{run.run_id}: its session has the calls {keys}"


def _events(evidence: Evidence) -> Iterator[str]:
    """Numbers rise, nothing durable is doubled, each step ends once, and statuses make sense."""
    for run in evidence.runs:
        events = list(RunEvent.objects.filter(run=run).order_by("seq").exclude(kind="model.delta"))
        seqs = [event.seq for event in events]
        if seqs != sorted(set(seqs)) or (seqs and seqs[-1] > run.last_seq):
            yield f"{run.run_id}: seq {seqs}, last {run.last_seq}"
        ends = Counter((e.step, e.kind) for e in events if e.kind in ONCE_A_STEP)
        yield from (f"{run.run_id}: {n} times {key}" for key, n in ends.items() if n > 1)
        keys = Counter((e.step, e.attempt, e.kind) for e in events if e.kind in LIVE_KINDS)
        yield from (f"{run.run_id}: {n} times {key}" for key, n in keys.items() if n > 1)
        yield from _steps_without_events(run, events, evidence.checkpoints)
        yield from _status_steps(run, events)


def _steps_without_events(
    run: Run, events: list[RunEvent], checkpoints: list[Checkpoint]
) -> Iterator[str]:
    """Each recorded step has its final event, and each final event its recorded step."""
    kinds = {name: f"{name}.finished" for name in ("model", "tool", "guardrail")}
    steps = {
        (f"{c.workflow.rpartition(':')[2]}.{c.step}", kinds[c.name])
        for c in checkpoints
        if c.name in kinds and c.workflow.rpartition(":")[0] == run.run_id
    }
    told = {(event.step, event.kind) for event in events if event.kind in kinds.values()}
    # An agent used as a tool is no step itself, but its call is told as one.
    told = {(step, kind) for step, kind in told if not step.startswith("call.")}
    if steps != told:
        yield f"{run.run_id}: steps without events {steps - told}, the reverse {told - steps}"


def _status_steps(run: Run, events: list[RunEvent]) -> Iterator[str]:
    before = None
    for event in events:
        if event.kind == "status":
            now = event.payload["status"]
            if before not in STATUS_STEPS.get(now, set()):
                yield f"{run.run_id}: {now} after {before} (seq {event.seq})"
            before = now
    ends = [event for event in events if event.kind == "run.finished"]
    if len(ends) != 1 or events[-1] != ends[0] or before != run.status:
        yield f"{run.run_id}: ends with {[event.kind for event in events[-3:]]}, {len(ends)} ends"


def _deltas(evidence: Evidence) -> Iterator[str]:
    """The deltas of every step are folded into its final event."""
    left = RunEvent.objects.filter(run__in=evidence.runs, kind="model.delta")
    for run_id, step in sorted(set(left.values_list("run_id", "step"))):
        yield f"{run_id}: step {step} still has deltas"


def _usage(evidence: Evidence) -> Iterator[str]:
    """Each run counts each of its model calls once."""
    for run in evidence.runs:
        calls = RunEvent.objects.filter(run=run, kind="model.finished").count()
        if run.requests != calls or calls != evidence.scenario.model_calls:
            yield f"{run.run_id} counts {run.requests} requests, has {calls} model calls"


def takeover_seconds(kill: float, worker_id: str, within: float = 60.0) -> list[float]:
    """How long after a kill each run of the killed worker went on elsewhere."""
    deadline = time.monotonic() + within
    while True:
        waits = [_went_on(event, kill) for event in _lost_by(worker_id)]
        if all(wait is not None for wait in waits) or time.monotonic() > deadline:
            return [within if wait is None else wait for wait in waits]
        time.sleep(0.1)


def _lost_by(worker_id: str) -> list[RunEvent]:
    return list(RunEvent.objects.filter(kind="worker.lost", payload__worker=worker_id))


def _went_on(lost: RunEvent, kill: float) -> float | None:
    begun: Any = RunEvent.objects.filter(
        run_id=lost.run_id, kind="segment.started", seq__gt=lost.seq
    )
    at: datetime | None = begun.order_by("seq").values_list("at", flat=True).first()
    return None if at is None else at.timestamp() - kill
