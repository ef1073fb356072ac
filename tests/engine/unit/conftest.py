"""What stands in for DBOS and for approvals in the unit tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections

from tests.engine.unit.gate import RememberingGate
from timestep.engine import claims, heartbeat, strays, threads


class FakeDbos:
    """What DBOS knows, by executor and by workflow, and what it was asked to forget."""

    def __init__(self) -> None:
        self.pending: dict[str, list[str]] = {}
        self.statuses: dict[str, str] = {}
        self.steps: dict[str, list[int]] = {}
        self.deleted_queues: list[str] = []

    def list_workflows(
        self,
        *,
        executor_id: str = "",
        status: str = "PENDING",
        workflow_ids: Sequence[str] = (),
        **_: Any,
    ) -> list[SimpleNamespace]:
        """The workflows that an executor has begun, or those with these ids."""
        if executor_id:
            assert status == "PENDING"
            return [SimpleNamespace(workflow_id=name) for name in self.pending.get(executor_id, [])]
        known = [name for name in workflow_ids if name in self.statuses]
        return [SimpleNamespace(workflow_id=n, status=self.statuses[n]) for n in known]

    def list_workflow_steps(self, workflow_id: str) -> list[dict[str, int]]:
        """The recorded steps of a workflow."""
        return [{"function_id": number} for number in self.steps[workflow_id]]

    def delete_queue(self, name: str) -> None:
        """Forget a queue."""
        self.deleted_queues.append(name)


@pytest.fixture
def dbos(monkeypatch: pytest.MonkeyPatch) -> FakeDbos:
    """DBOS as claims and the heartbeat see it."""
    fake = FakeDbos()
    for module in (claims, heartbeat, strays):
        monkeypatch.setattr(module, "DBOS", fake)
    return fake


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> RememberingGate:
    """The approval gate as the engine and its services see it."""
    made = RememberingGate()
    for module in ("services.ending", "engine.claims"):
        monkeypatch.setattr(f"timestep.{module}.approval_gate", lambda: made)
    return made


@pytest.fixture
def fresh_threads(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    """A database thread of its own: those of other tests are connected to other databases."""
    with ThreadPoolExecutor(1) as fresh:
        monkeypatch.setattr(threads, "_POOL", fresh)
        yield
        fresh.submit(connections.close_all).result()
