"""Settings, files and the disk: what can be looked at without a database."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage
from django.db import connection

from workflows.checks import check_settings
from workflows.doctor.findings import Finding, Findings, ok, problem, warning

MIB = 1024 * 1024
LEAST_FREE = 100 * MIB
LITTLE_FREE = 1024 * MIB
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def surroundings() -> Findings:
    """Everything that needs no database."""
    yield _address()
    yield _secret_key()
    yield from _private_files()
    yield _disk()
    yield from map(_as_finding, check_settings())


def _address() -> Finding:
    url = settings.PUBLIC_URL
    if url is None:
        said = "TIMESTEP_PUBLIC_URL is not set: only addresses of this host answer"
        mend = "set it to the address that people use (`manage.py up` does so by itself)"
        return warning("public address", said, mend)
    if not url.secure and url.host not in _LOCAL:
        said = f"{url.origin} is not https: passwords and cookies travel in the clear"
        return warning(
            "public address", said, "serve it by a proxy with TLS, and set the https one"
        )
    return ok("public address", url.origin)


def _secret_key() -> Finding:
    if os.environ.get("TIMESTEP_SECRET_KEY", "").strip():
        return ok("secret key", "from TIMESTEP_SECRET_KEY")
    return _private("secret key", settings.TIMESTEP_HOME / "secret_key")


def _private_files() -> Findings:
    files = {"first password": settings.TIMESTEP_HOME / "admin-password"}
    if connection.vendor == "sqlite":
        files["database file"] = Path(str(connection.settings_dict["NAME"]))
    for name, path in files.items():
        if path.exists():
            yield _private(name, path)


def _private(check: str, path: Path) -> Finding:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        said = f"{path} cannot be looked at: {error.strerror}"
        return problem(check, said, "give this user the right to read it")
    if mode & 0o077:
        said = f"others on this host may use {path} (mode {mode:o})"
        return problem(check, said, f"`chmod 600 {path}`")
    return ok(check, f"{path} is its owner's alone")


def _disk() -> Finding:
    home = settings.TIMESTEP_HOME
    try:
        free = shutil.disk_usage(home).free
    except OSError as error:
        said = f"TIMESTEP_HOME ({home}) cannot be used: {error.strerror}"
        return problem("disk", said, "make it a directory that this user may write to")
    said = f"{free // MIB:,} MiB free in {home}"
    if free < LITTLE_FREE:
        make = problem if free < LEAST_FREE else warning
        return make("disk", said, "make room, or move TIMESTEP_HOME to a larger disk")
    return ok("disk", said)


def _as_finding(message: CheckMessage) -> Finding:
    return warning("settings", str(message.msg), str(message.hint or ""))
