"""The two databases that tests run on."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.databases import TestDatabase
from timestep import conf


@pytest.mark.django_db
def test_django_is_on_the_database_asked_for(test_database: TestDatabase) -> None:
    User.objects.create(username="ana")
    vendor = {"sqlite": "sqlite", "postgres": "postgresql"}[test_database.kind]
    assert connection.vendor == vendor
    assert conf.postgres_uri() == test_database.uri
    assert User.objects.count() == 1
