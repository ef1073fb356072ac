"""A journal of tool calls: one line each, appended by whichever process makes the call.

Every line is one `write` with O_APPEND and is synced before the tool goes on, so that it survives
the SIGKILL that may follow at once.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "TIMESTEP_TEST_JOURNAL"


@dataclass(frozen=True)
class Entry:
    """One line: a tool began (`start`), returned (`end`) or was stopped (`stopped`)."""

    call_id: str
    tool: str
    phase: str
    pid: int
    at: float


def note(call_id: str, tool: str, phase: str) -> None:
    """Append a line; durable when this returns."""
    line = {"call_id": call_id, "tool": tool, "phase": phase, "pid": os.getpid(), "at": time.time()}
    handle = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> list[Entry]:
    """All lines so far, in the order they were written."""
    if not path.exists():
        return []
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    return [Entry(**line) for line in lines]
