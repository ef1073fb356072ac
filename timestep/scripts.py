"""Where the `__main__` of this process lives: in a file, or in a session that has none.

Asked for when this package is imported, and kept: Python takes `__main__.__file__` away when a
script has reached its end, while what it queued still executes.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path
from types import ModuleType

# A file's absolute path cannot begin like this.
_SESSION = "<"


class _Kept:
    """What was found for the module that was `__main__` then: notebooks put another in place."""

    main: ModuleType | None = None
    script: str | None = None
    session = ""


def own_script() -> str | None:
    """The absolute path of the file that this process runs, or None: a prompt, a notebook."""
    main = sys.modules.get("__main__")
    if _Kept.script is None or _Kept.main is not main:
        _Kept.main, _Kept.script = main, _file_of(main)
    return _Kept.script


def own_home() -> str:
    """The file that this process runs; where there is none, a name for this very process."""
    return own_script() or _own_session()


def is_session(home: str) -> bool:
    """Whether a home is a process without a file, which nobody can start again."""
    return home.startswith(_SESSION)


def _file_of(main: ModuleType | None) -> str | None:
    named = getattr(main, "__file__", None)
    if not named:
        return None
    path = Path(named).resolve()
    # The file of an archive that is executed is inside of it.
    there = any(one.is_file() for one in (path, *path.parents))
    return str(path) if there else None


def _own_session() -> str:
    if not _Kept.session:
        host = socket.gethostname()[:60]
        made = f"{_kind()}, process {os.getpid()} on {host}, {secrets.token_hex(4)}"
        _Kept.session = f"{_SESSION}{made}>"
    return _Kept.session


def _kind() -> str:
    if sys.argv[:1] == ["-c"]:
        return "python -c"
    if "ipykernel" in sys.modules:
        return "notebook"
    return "prompt" if hasattr(sys, "ps1") else "standard input"


own_script()
