"""Fixtures for everyone: both databases, real processes, a browser.

Every test that uses the database runs twice, on SQLite and on Postgres (`--database` narrows it);
`@pytest.mark.sqlite_only` and `@pytest.mark.browser` tests choose for themselves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.databases import (
    TestDatabase,
    django_uses,
    migrated_postgres,
    migrated_sqlite,
    postgres_database,
    postgres_server,
)
from tests.stack import Stack, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DATABASE_FIXTURES = {"db", "transactional_db", "admin_user", "admin_client", "live_server"}
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database sqlite` leaves Postgres out, and the other way round."""
    parser.addoption("--database", choices=("both", "sqlite", "postgres"), default="both")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses the database, or a stack, once on each."""
    chosen = metafunc.config.getoption("--database")
    databases = ["sqlite", "postgres"] if chosen == "both" else [chosen]
    for only in ("sqlite", "postgres"):
        if metafunc.definition.get_closest_marker(f"{only}_only"):
            databases = [name for name in databases if name == only]
    uses_django_db = metafunc.definition.get_closest_marker("django_db") or (
        DATABASE_FIXTURES & set(metafunc.fixturenames)
    )
    if uses_django_db:
        metafunc.fixturenames.insert(0, "test_database")
        metafunc.parametrize("test_database", databases, indirect=True, scope="session")
    elif "stack" in metafunc.fixturenames and not _parametrizes_stack(metafunc):
        metafunc.parametrize("stack", databases, indirect=True)


def _parametrizes_stack(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any("stack" in str(mark.args[0]) for mark in marks)


def _missing(what: str, variable: str) -> None:
    """Skip with a notice, unless the environment says that it must not be missing."""
    if os.environ.get(variable) == "1":
        pytest.fail(f"{what}, and {variable}=1 forbids to skip", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """The URI of a Postgres server to make databases on."""
    with ExitStack() as stack:
        try:
            uri = stack.enter_context(postgres_server(durable=False))
        except (ImportError, OSError, RuntimeError) as error:
            _missing(f"no Postgres server: {error}", "TIMESTEP_REQUIRE_POSTGRES")
        yield uri


@pytest.fixture(scope="session")
def _sqlite(django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    with django_db_blocker.unblock():
        return migrated_sqlite()


@pytest.fixture(scope="session")
def _postgres(
    postgres_uri: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[str, dict[str, Any]]]:
    with postgres_database(postgres_uri) as uri:
        with django_db_blocker.unblock():
            made = migrated_postgres(uri)
        yield uri, made


@pytest.fixture(scope="session")
def test_database(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[TestDatabase]:
    """Django's test database, of the kind that the test is run for.

    Each is made once in a process, since that takes longer than most files' tests.
    """
    # Here, where Django is set up.
    from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415

    kind: str = getattr(request, "param", "sqlite")
    uri: str | None = None
    if kind == "postgres":
        uri, database = request.getfixturevalue("_postgres")
    else:
        database = request.getfixturevalue("_sqlite")
    with django_uses(database):
        ContentType.objects.clear_cache()  # The numbers of the other database.
        yield TestDatabase(kind, uri)


@pytest.fixture(scope="module")
def _groups_of_roles(test_database: TestDatabase, django_db_blocker: DjangoDbBlocker) -> None:
    """The groups of roles: tests that commit leave empty tables behind."""
    from approvals.services.roles import keep_roles  # noqa: PLC0415 - Django is set up here

    with django_db_blocker.unblock():
        keep_roles()


@pytest.fixture
def django_db_setup(
    test_database: TestDatabase, _groups_of_roles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaces pytest-django's, which knows one database for the whole session."""
    if test_database.uri is not None:
        monkeypatch.setenv("PG_CONNECTION_URI", test_database.uri)


@pytest.fixture
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """An installation of its own, not yet migrated; its processes end with the test."""
    kind: str = getattr(request, "param", "sqlite")
    with ExitStack() as cleanup:
        uri = None
        if kind == "postgres":
            server = request.getfixturevalue("postgres_uri")
            uri = cleanup.enter_context(postgres_database(server))
        home = tmp_path / "home"
        home.mkdir()
        made = Stack(home, uri, extra={"TIMESTEP_ADMIN_PASSWORD": "correct-horse"})
        cleanup.callback(made.stop)
        yield made


@pytest.fixture(name="free_port")
def _free_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. For one module: Playwright's loop runs for as long as it lives."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        _missing("no chromium on PATH", "TIMESTEP_REQUIRE_BROWSER")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - 0.3 s, for these tests only

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()
