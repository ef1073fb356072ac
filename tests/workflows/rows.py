"""Rows that the tests of workflows start from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection, connections
from django.utils import timezone

from timestep.digests import digest
from timestep.models import AgentSpec, CatalogueTool, Run, Worker
from workflows.models import AgentDefinition
from workflows.services.definitions import save_definition

SCHEMA = {"type": "object", "properties": {"order_id": {"type": "integer"}}}


def tool(name: str, **fields: Any) -> CatalogueTool:
    """A tool in the catalogue."""
    values = {"schema": SCHEMA, "schema_digest": digest(SCHEMA), "module": "tests", **fields}
    return CatalogueTool.objects.create(name=name, **values)


def agent(slug: str = "desk", **fields: Any) -> AgentDefinition:
    """A definition, saved through the service."""
    return save_definition({"slug": slug, "name": slug.title(), "model": "demo/fast", **fields})


def run(run_id: str, **fields: Any) -> Run:
    """A run as the launch service would have written it, without a segment."""
    spec, _ = AgentSpec.objects.get_or_create(digest="0" * 64, defaults={"body": {}})
    values = {"spec": spec, "agent": "desk", "input": "hello", "engine_version": 1, **fields}
    return Run.objects.create(run_id=run_id, input_digest=digest(values["input"]), **values)


def worker(name: str = "w-1", *, silent: float = 0, **fields: Any) -> Worker:
    """A worker that was heard of `silent` seconds ago."""
    beat = timezone.now() - timedelta(seconds=silent)
    values = {"host": "h", "pid": 1, "engine_version": 1, "heartbeat_at": beat, **fields}
    return Worker.objects.create(worker_id=name, **values)


def in_threads(count: int, act: Callable[[int], Any]) -> list[Any]:
    """The results, or the exceptions, of an act that starts at once in this many threads."""
    together = threading.Barrier(count)
    results: list[Any] = [None] * count

    def body(number: int) -> None:
        together.wait()
        try:
            results[number] = act(number)
        except Exception as error:  # noqa: BLE001 - handed to the test
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.ensure_connection()
    return results
