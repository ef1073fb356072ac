"""Whether what `up` started can do its work."""

from __future__ import annotations

import http.client
import json
import socket

from django.db import DatabaseError, connection

from timestep.models import Worker
from workflows.supervision.address import Address
from workflows.supervision.children import Child

ANSWER_WITHIN_S = 5


def what_is_missing(address: Address, worker: Child) -> str:
    """What is not ready yet, in words; empty when the pages answer and our own worker is alive."""
    missing = _web_is_missing(address)
    if not missing and not has_reported(worker):
        return "the worker has not reported yet"
    return missing


def answers(address: Address) -> bool:
    """Whether the web process answers, whatever it says."""
    return _checks(address) is not None


def _web_is_missing(address: Address) -> str:
    checks = _checks(address)
    if checks is None:
        return "the web process does not answer yet"
    return "; ".join(f"{name}: {said}" for name, said in checks.items() if said != "ok")


def _checks(address: Address) -> dict[str, str] | None:
    """What /readyz says; None while nobody answers."""
    asking = http.client.HTTPConnection(address.local_host, address.port, timeout=ANSWER_WITHIN_S)
    try:
        # A local name is always among the allowed hosts, whatever the public address is.
        asking.request("GET", "/readyz", headers={"Host": "localhost"})
        answer = asking.getresponse()
        checks: dict[str, str] = json.loads(answer.read()).get("checks", {})
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        asking.close()
    return checks


def has_reported(worker: Child) -> bool:
    """Whether the worker has registered: it takes work.

    A live row may be another worker's, or of one that just died: ours has our child's pid."""
    if worker.pid is None:
        return False
    try:
        return Worker.objects.filter(
            pid=worker.pid, host=socket.gethostname(), stopped_at__isnull=True
        ).exists()
    except DatabaseError:
        return False
    finally:
        connection.close()
