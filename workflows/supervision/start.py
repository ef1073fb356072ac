"""The way from a fresh clone to everything running."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command

from timestep.errors import TimestepError
from workflows.services.demo import install_demo_content
from workflows.supervision.address import Address, require_free
from workflows.supervision.children import Child, manage_command
from workflows.supervision.errors import StartRefused
from workflows.supervision.first_user import SignIn, ensure_first_user
from workflows.supervision.preflight import (
    database_errors_refuse,
    first_line,
    require_database,
    require_home,
    require_no_worker,
)
from workflows.supervision.readiness import answers, has_reported, what_is_missing
from workflows.supervision.supervisor import Supervisor
from workflows.supervision.terminal import Terminal


def start_everything(address: Address, terminal: Terminal) -> None:
    """Prepare, start, and keep running until told to stop.

    Raises:
        StartRefused: Something outside stands in the way; nothing was left running.
    """
    home = Path(settings.TIMESTEP_HOME)
    require_home(home)
    require_database()
    require_no_worker()
    require_free(address)
    environment = _environment(address, home)
    sign_in = _prepare(home, environment, terminal)
    web_words = ("web", "--host", address.host, "--port", str(address.port))
    web = Child(
        "web", manage_command(*web_words), environment, terminal, lambda _: answers(address)
    )
    worker = Child("worker", manage_command("worker"), environment, terminal, has_reported)
    Supervisor(
        [worker, web],
        terminal,
        missing=lambda: what_is_missing(address, worker),
        on_ready=lambda: terminal.plain(*_last_lines(environment, sign_in)),
    ).run()


def _environment(address: Address, home: Path) -> dict[str, str]:
    """What the children get: ours, and what they must agree on with us."""
    return (
        {"TIMESTEP_PUBLIC_URL": address.public_url}
        | os.environ
        | {
            "TIMESTEP_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            "PYTHONUNBUFFERED": "1",
        }
    )


def _prepare(home: Path, environment: dict[str, str], terminal: Terminal) -> SignIn | None:
    terminal.say("up", "bringing the database up to date")
    with database_errors_refuse("bringing the database up to date"):
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except CommandError as error:
            raise StartRefused(str(error)) from error
    terminal.say("up", "reading the tools")
    _sync_tools(environment)
    with database_errors_refuse("preparing the demo and the first user"):
        try:
            install_demo_content()
        except TimestepError as error:
            raise StartRefused(f"the demo cannot be installed: {first_line(error)}") from error
        return ensure_first_user(home)


def _sync_tools(environment: dict[str, str]) -> None:
    """Publish the tool catalogue, in a process of its own: it imports other people's modules."""
    done = subprocess.run(
        manage_command("tools", "sync"),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise StartRefused(f"the tools cannot be read: {lines[-1]}")


def _last_lines(environment: dict[str, str], sign_in: SignIn | None) -> list[str]:
    lines = ["", f"Timestep is ready at {environment['TIMESTEP_PUBLIC_URL']}/"]
    if sign_in is not None:
        lines.append(str(sign_in)[0].upper() + str(sign_in)[1:])
    return lines
