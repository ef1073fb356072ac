"""A worker that kills itself right after it has changed a session for the n-th time.

    python -m tests.engine.sessions.dying_worker 2

So it dies between the write and its checkpoint, which no signal from outside can be sure to hit.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from typing import Any

_left = [0]


def _died() -> None:
    _left[0] -= 1
    if _left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _dying(method: Any) -> Any:
    @functools.wraps(method)
    async def add_items(self: Any, items: Any, **more: Any) -> None:
        await method(self, items, **more)
        _died()

    return add_items


def main() -> None:
    """Be a worker with deadly sessions."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timestep_site.settings")
    import django  # noqa: PLC0415

    django.setup()
    from agents import OpenAIConversationsSession, SQLiteSession  # noqa: PLC0415
    from agents.extensions.memory import SQLAlchemySession  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from timestep.engine.sessions import rows  # noqa: PLC0415

    _left[0] = int(sys.argv[1])
    for kind in (SQLiteSession, SQLAlchemySession, OpenAIConversationsSession):
        setattr(kind, "add_items", _dying(kind.add_items))  # noqa: B010 - mypy minds assignment
    append = rows.append

    def append_and_die(*given: Any) -> None:
        append(*given)
        _died()

    setattr(rows, "append", append_and_die)  # noqa: B010
    call_command("worker")


if __name__ == "__main__":
    main()
