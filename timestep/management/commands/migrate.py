"""`manage.py migrate`: Django's tables, then DBOS's own in the same database."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.module_loading import import_string

from timestep import conf
from timestep.management.engine_tables import engine_tables
from timestep.services.own_files import keep_private

PARTIAL_OPTIONS = ("app_label", "plan", "check_unapplied", "fake", "prune")


class Command(migrate.Command):
    """Django's command; then what `TIMESTEP_AFTER_MIGRATE` names, and DBOS's tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Django's, and one of ours."""
        super().add_arguments(parser)
        parser.add_argument(
            "--without-engine", action="store_true", help="Leave DBOS's own tables as they are."
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Django's, once nobody else may read what it writes."""
        if _is_the_real_one():
            keep_private()
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate Django's tables, then DBOS's in a process of its own."""
        super().handle(*args, **options)
        partial = any(options.get(name) for name in PARTIAL_OPTIONS)
        if options["database"] != DEFAULT_DB_ALIAS or partial:
            return
        for path in getattr(settings, "TIMESTEP_AFTER_MIGRATE", ()):
            import_string(path)()
        if options.get("without_engine") or not _is_the_real_one():
            return
        if options["verbosity"] >= 1:
            self.stdout.write("  Bringing DBOS's tables up to date...")
        # On SQLite an open connection of ours could hold the lock that DBOS waits for.
        connections[DEFAULT_DB_ALIAS].close()
        _migrate_engine_tables()


def _is_the_real_one() -> bool:
    """False for a test database: those are renamed, and DBOS has no business in them."""
    named = conf.database(settings.TIMESTEP_HOME)["NAME"]
    return str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]) == str(named)


def _migrate_engine_tables() -> None:
    done = engine_tables("migrate")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CommandError(f"DBOS's tables could not be migrated: {lines[-1]}")
