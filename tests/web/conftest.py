"""Three people: one who may do everything, one who may only look, and one who is not signed in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """What pages keep for a while they do not keep from one test to the next."""
    cache.clear()


@pytest.fixture
def owner(db: None) -> Client:
    """May do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("owner", password="-"))
    return client


@pytest.fixture
def looker(db: None) -> Client:
    """May look, and nothing else."""
    user = User.objects.create_user("looker", password="-")
    user.user_permissions.add(Permission.objects.get(codename="view_run"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def stranger(db: None) -> Client:
    """Is not signed in."""
    return Client()
