"""A program on each database, with no worker beside it unless a test starts one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.campaign.installation import Installation, django_on, for_this_try, installation
from tests.library.program import Program


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a program once on each database."""
    if "_engine" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--database")
        databases = ["sqlite", "postgres"] if chosen == "both" else [chosen]
        metafunc.parametrize("_engine", databases, indirect=True, scope="module")


@pytest.fixture(scope="module")
def _engine(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Installation]:
    uri = request.getfixturevalue("postgres_uri") if request.param == "postgres" else None
    with ExitStack() as held:
        made = held.enter_context(installation(tmp_path_factory.mktemp("library"), uri))
        held.enter_context(django_db_blocker.unblock())
        held.enter_context(django_on(made.stack))
        yield made


@pytest.fixture
def engine(request: pytest.FixtureRequest, _engine: Installation) -> Iterator[Installation]:
    """A migrated installation that Django in this process looks at."""
    with for_this_try(request, _engine) as made:
        yield made


@pytest.fixture(scope="module")
def _program(_engine: Installation) -> Iterator[Program]:
    with _launched(_engine) as program:
        yield program


@pytest.fixture
def program(
    request: pytest.FixtureRequest, engine: Installation, _engine: Installation
) -> Iterator[Program]:
    """A program that is launched."""
    if engine is _engine:
        yield request.getfixturevalue("_program")
        return
    with _launched(engine) as another:
        yield another


@contextmanager
def _launched(engine: Installation) -> Iterator[Program]:
    driven = Program(engine)
    yield driven.ready()
    if driven.process.poll() is None:
        driven.close()
