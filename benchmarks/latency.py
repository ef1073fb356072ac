"""How soon a launch starts and a decision acts, and what an idle worker costs.

    python -m benchmarks.latency [--database sqlite|postgres|both]

Beside each figure stands the raw thing in the same run: one committed insert and its read back.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import (
    Verdicts,
    each_database,
    installation,
    percentile,
    spread,
    use_django,
)

SAMPLES = 100
PAUSE_S = 0.05
IDLE_S = 20.0


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database) as stack:
        use_django(stack)
        spec = _spec()
        worker = stack.start("worker")
        _wait_for_worker()
        raw = [_raw_round_trip() for _ in range(SAMPLES)]
        print(f"raw insert, commit, read back: {spread(raw)} ms")
        launches = [_launch_to_first_step(spec) for _ in range(SAMPLES)]
        print(f"launch -> first step starts:   {spread(launches)} ms")
        print(f"ratio of the medians: {percentile(launches, 50) / percentile(raw, 50):.1f}")
        decisions = [_decision_to_tool(spec) for _ in range(SAMPLES)]
        print(f"decision -> the tool starts:   {spread(decisions)} ms")
        time.sleep(3)
        idle = _share_of_a_core(worker.pid, IDLE_S)
    verdicts.at_most("launch p50", percentile(launches, 50), 120, "ms")
    verdicts.at_most("launch p99", percentile(launches, 99), 300, "ms")
    verdicts.at_most("decision p50", percentile(decisions, 50), 60, "ms")
    verdicts.at_most("decision p99", percentile(decisions, 99), 200, "ms")
    verdicts.at_most("idle worker", idle * 100, 5, "% of a core")
    verdicts.exit()


def _spec() -> Any:
    from timestep.models import CatalogueTool, Queue  # noqa: PLC0415 - after django.setup()
    from timestep.services.specs import store_spec  # noqa: PLC0415

    Queue.objects.create(name="benchmark", limit=None)
    tool = CatalogueTool.objects.get(name="refund_order")
    entry: dict[str, Any] = {"name": tool.name, "digest": tool.schema_digest}
    entry |= {"needs_approval": True, "idempotent": False}
    agent: dict[str, Any] = {
        "slug": "bench",
        "name": "bench",
        "version": 1,
        "instructions": "Refund orders.",
    }
    agent |= {"model": "demo/instant", "model_settings": {}, "tools": [entry]}
    agent |= {"handoffs": [], "agent_tools": [], "output_type": None}
    return store_spec({"spec_version": 1, "start": "bench", "agents": {"bench": agent}})


def _wait_for_worker() -> None:
    from timestep.models import Worker  # noqa: PLC0415

    while not Worker.objects.exists():
        time.sleep(0.1)
    time.sleep(3)


def _raw_round_trip() -> float:
    from timestep.models import SessionItem  # noqa: PLC0415

    started = time.perf_counter()
    row = SessionItem.objects.create(session_id="benchmark", item={})
    SessionItem.objects.get(pk=row.pk)
    return (time.perf_counter() - started) * 1000


def _launch(spec: Any) -> Any:
    from timestep.services.launch import launch  # noqa: PLC0415

    return launch(
        spec=spec, input="please refund order 4711, 25.00 EUR", agent="bench", queue="benchmark"
    )


def _launch_to_first_step(spec: Any) -> float:
    from timestep.services.cancel import cancel  # noqa: PLC0415

    time.sleep(PAUSE_S)
    started = time.time()
    run = _launch(spec)
    at = _event_time(run.run_id, "model.started")
    _wait_for_status(run.run_id, "awaiting_approval")
    cancel(run.run_id, by="benchmark")
    return (at - started) * 1000


def _decision_to_tool(spec: Any) -> float:
    from approvals.models import ApprovalRequest  # noqa: PLC0415
    from approvals.services.decisions import decide  # noqa: PLC0415

    run = _launch(spec)
    _wait_for_status(run.run_id, "awaiting_approval")
    request = ApprovalRequest.objects.get(run_id=run.run_id)
    time.sleep(PAUSE_S)
    person = _person()
    started = time.time()
    decide(request.approval_id, approve=True, by=person)
    at = _event_time(run.run_id, "tool.started")
    _wait_for_status(run.run_id, "succeeded")
    return (at - started) * 1000


def _person() -> Any:
    from django.contrib.auth import get_user_model  # noqa: PLC0415

    model = get_user_model()
    found = model.objects.filter(username="benchmark").first()
    return found or model.objects.create_superuser("benchmark", password="benchmark")


def _event_time(run_id: str, kind: str) -> float:
    from timestep.models import RunEvent  # noqa: PLC0415

    for _ in range(2000):
        event = RunEvent.objects.filter(run_id=run_id, kind=kind).first()
        if event is not None:
            return float(event.at.timestamp())
        time.sleep(0.01)
    raise AssertionError(f"run {run_id} never had {kind}")


def _wait_for_status(run_id: str, status: str) -> None:
    from timestep.models import Run  # noqa: PLC0415

    for _ in range(2000):
        run = Run.objects.get(run_id=run_id)
        if run.status == status:
            return
        assert run.status not in ("failed", "timed_out"), run.error
        time.sleep(0.01)
    raise AssertionError(f"run {run_id} did not become {status}")


def _share_of_a_core(pid: int, seconds: float) -> float:
    before = _cpu_seconds(pid)
    time.sleep(seconds)
    return (_cpu_seconds(pid) - before) / seconds


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    each_database("benchmarks.latency", __doc__, _measure)
