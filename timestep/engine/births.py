"""The birth of a process, by which others of its machine know for sure that it is dead.

A process that only is silent may still live, and its lease must run out before others take what
it has. One that was killed and is gone needs no lease: its runs go on within seconds.
"""

from __future__ import annotations

import os
from pathlib import Path

from timestep.models import Worker

_PROC = Path("/proc")
# Field 22 of /proc/<pid>/stat; the second is in brackets and may hold anything.
_START_FIELD = 22 - 3


def own_birth() -> str:
    """`<boot> <namespace of process ids> <start>`; empty where the system does not say."""
    pid = os.getpid()
    try:
        if str((_PROC / "self").readlink()) != str(pid):
            return ""  # What is mounted there has the numbers of another namespace.
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()} {_started(pid)}"
    except OSError:
        return ""


def is_dead(worker: Worker) -> bool:
    """Whether the process of a worker's row is known to have ended; False if nobody here knows."""
    place, _, started = worker.birth.rpartition(" ")
    if not place or place != own_birth().rpartition(" ")[0]:
        return False
    try:
        os.kill(worker.pid, 0)
        return _started(worker.pid) != started
    except ProcessLookupError:
        return True
    except OSError:
        return False  # It lives, and is another user's, or may not be looked at.


def _started(pid: int) -> str:
    """When a process began, in ticks since the boot; a number that was used again differs."""
    said = (_PROC / str(pid) / "stat").read_text(errors="replace")
    return said.rpartition(")")[2].split()[_START_FIELD]
