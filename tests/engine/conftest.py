"""An installation with real workers for the tests of the engine, one on each database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.campaign.installation import Installation, django_on, for_this_try, installation
from timestep.models import DEFAULT_QUEUE, Queue


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses the installation once on each database."""
    if "_looked_at" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--database")
    databases = ["sqlite", "postgres"] if chosen == "both" else [chosen]
    for only in ("sqlite", "postgres"):
        if metafunc.definition.get_closest_marker(f"{only}_only"):
            databases = [name for name in databases if name == only]
    metafunc.parametrize("_looked_at", databases, indirect=True, scope="module")


# One installation for all modules, because starting takes seconds; Django in this process looks
# at it for one module at a time, because other modules have databases of their own.


@pytest.fixture(scope="session")
def sqlite_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """On SQLite, with a worker that is being started."""
    with installation(tmp_path_factory.mktemp("engine"), None) as made:
        made.start_worker()
        yield made


@pytest.fixture(scope="session")
def postgres_installation(
    tmp_path_factory: pytest.TempPathFactory, postgres_uri: str
) -> Iterator[Installation]:
    """On Postgres, with a worker that is being started."""
    with installation(tmp_path_factory.mktemp("engine"), postgres_uri) as made:
        made.start_worker()
        yield made


@pytest.fixture(scope="module")
def _looked_at(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[Installation]:
    made: Installation = request.getfixturevalue(f"{request.param}_installation")
    with django_db_blocker.unblock(), django_on(made.stack):
        # All modules launch into it: together more than fifty runs in a minute.
        Queue.objects.update_or_create(name=DEFAULT_QUEUE, defaults={"limit": None})
        yield made


@pytest.fixture
def engine(request: pytest.FixtureRequest, _looked_at: Installation) -> Iterator[Installation]:
    """An installation that Django in this process looks at, with a worker that executes."""
    # Runs that all tests of a module look at are where they are.
    with ExitStack() as held:
        made = _looked_at
        if "runs" not in request.fixturenames:
            made = held.enter_context(for_this_try(request, made))
        made.ready()
        yield made
