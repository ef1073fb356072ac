"""Launches while an SQLite file can hold no more: refused in words, nothing half done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.workflows.rows import agent
from timestep.errors import DiskFull
from timestep.models import AgentSpec, Run
from timestep.outages import refused_when_full
from workflows.services.launching import launch_agent

pytestmark = [pytest.mark.sqlite_only, pytest.mark.django_db(transaction=True)]
LONG = "x" * 200_000


@pytest.fixture
def full() -> Iterator[None]:
    """The file stays as large as it is now."""
    agent("desk")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.close()


def signed_in() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("ana"))
    return client


def test_a_command_says_it_in_one_line(full: None) -> None:
    with pytest.raises(CommandError, match=r"^the disk is full: nothing was changed; make room"):
        call_command("launch", "desk", "--input", LONG)
    assert not Run.objects.exists()


def test_a_programs_launch_raises_its_own_error(full: None) -> None:
    with pytest.raises(DiskFull, match="make room on the disk"):
        refused_when_full(launch_agent)("desk", input=LONG, launched_from="program")
    assert (Run.objects.count(), AgentSpec.objects.count()) == (0, 0)


@pytest.mark.parametrize("path", ["/agents/desk/launch/"])
def test_a_page_answers_503(path: str, request: pytest.FixtureRequest) -> None:
    client = signed_in()
    request.getfixturevalue("full")
    answer = client.post(path, {"input": LONG})
    assert answer.status_code == 503, answer.content.decode()[-2000:]
    assert "The disk is full" in answer.content.decode()
    assert not Run.objects.exists()
