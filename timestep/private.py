"""Files and directories for their owner's eyes only, whatever the umask says."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

_OTHERS = 0o077
# What SQLite, and our locks, keep beside a database file.
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")
_LOCKS = (".worker-lock", ".migrate-lock")


def make_directory(path: Path) -> None:
    """Make a directory, and what is missing above it; one that is there stays as it is."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    if not path.is_dir():
        path.mkdir()  # Refused, with the system's own words.


def open_file(path: Path) -> IO[str]:
    """Open a file for writing at its end; made where it is missing."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a")


def make_file(path: Path) -> None:
    """Make an empty file where there is none yet; SQLite gives its side files the same mode."""
    if not path.exists():
        open_file(path).close()


def others_may(path: Path) -> int:
    """The file's mode where anybody but its owner has rights to it, else 0.

    Raises:
        OSError: It is not there, or out of reach.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    return mode if mode & _OTHERS else 0


def mend(files: Iterable[Path]) -> list[Path]:
    """Take from others what an older release, or another umask, gave them; says so in the log.

    Returns:
        What was mended. Files that are not there, and other people's, stay as they are.
    """
    return [path for path in files if _mended(path)]


def _mended(path: Path) -> bool:
    try:
        mode = others_may(path)
        if not mode:
            return False
        path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return False
    except OSError as error:
        logger.warning("others may use %s, and that cannot be changed: %s", path, error.strerror)
        return False
    logger.warning("others could use %s (mode %o): now it is its owner's alone", path, mode)
    return True


def of_database(file: Path) -> dict[str, list[Path]]:
    """An SQLite file, what lies beside it, and the locks of its processes."""
    beside = [file.with_name(file.name + end) for end in _BESIDE_A_DATABASE]
    locks = [file.with_suffix(end) for end in _LOCKS]
    return {"database file": [file, *beside, *locks]}


def of_home(directory: Path) -> dict[str, list[Path]]:
    """The secrets that a home holds."""
    return {
        "secret key": [directory / "secret_key"],
        "first password": [directory / "admin-password"],
    }
