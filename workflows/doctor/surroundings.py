"""Settings, files and the disk: what can be looked at without a database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage

from timestep.private import others_may
from timestep.services.own_files import own_files
from workflows.checks import check_settings
from workflows.doctor.findings import Finding, Findings, ok, problem, warning

MIB = 1024 * 1024
LEAST_FREE = 100 * MIB
LITTLE_FREE = 1024 * MIB
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def surroundings() -> Findings:
    """Everything that needs no database."""
    yield _address()
    yield from _private_files()
    yield from _disks()
    yield from map(_as_finding, check_settings())


def _address() -> Finding:
    url = settings.PUBLIC_URL
    if url is None:
        # As a first start leaves it; who comes from elsewhere is told by a page, and the docs.
        said = "TIMESTEP_PUBLIC_URL is not set: only addresses of this host answer, or what "
        return ok("public address", said + "`manage.py up --host` was given")
    if not url.secure and url.host not in _LOCAL:
        said = f"{url.origin} is not https: passwords and cookies travel in the clear"
        return warning(
            "public address", said, "serve it by a proxy with TLS, and set the https one"
        )
    return ok("public address", url.origin)


def _private_files() -> Findings:
    for check, paths in own_files().items():
        if check == "secret key" and os.environ.get("TIMESTEP_SECRET_KEY", "").strip():
            yield ok(check, "from TIMESTEP_SECRET_KEY")
        elif check == "secret key" or paths[0].exists():
            yield _private(check, paths)


def _private(check: str, paths: list[Path]) -> Finding:
    """The first file, which is to be there, and what lies beside it."""
    try:
        modes = {path: others_may(path) for path in paths if path is paths[0] or path.exists()}
    except OSError as error:
        said = f"{error.filename} cannot be looked at: {error.strerror}"
        return problem(check, said, "give this user the right to read it")
    for path, mode in modes.items():
        if mode:
            said = f"others on this host may use {path} (mode {mode:o})"
            return problem(check, said, f"`chmod 600 {path}`, or restart: every start does so")
    return ok(check, f"{paths[0]} is its owner's alone")


def _disks() -> Findings:
    """The disk of the home, and that of the SQLite file where it lies on another one."""
    seen: set[int] = set()
    for directory in (settings.TIMESTEP_HOME, *(paths[0].parent for paths in _databases())):
        try:
            disk = directory.stat().st_dev
            free = shutil.disk_usage(directory).free
        except OSError as error:
            said = f"{directory} cannot be used: {error.strerror}"
            yield problem("disk", said, "make it a directory that this user may write to")
            continue
        if disk not in seen:
            seen.add(disk)
            yield _room(directory, free)


def _databases() -> list[list[Path]]:
    return [paths for check, paths in own_files().items() if check == "database file"]


def _room(directory: Path, free: int) -> Finding:
    said = f"{free // MIB:,} MiB free in {directory}"
    mend = "make room, or move TIMESTEP_HOME to a larger disk"
    if free < MIB:
        full = f"the disk is full ({said}): launches are refused, and runs wait"
        return problem("disk", full, f"{mend}; what waits then goes on by itself")
    if free < LITTLE_FREE:
        make = problem if free < LEAST_FREE else warning
        return make("disk", said, mend)
    return ok("disk", said)


def _as_finding(message: CheckMessage) -> Finding:
    return warning("settings", str(message.msg), str(message.hint or ""))
