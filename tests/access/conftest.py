"""The roles, which tests with transactions of their own sweep away."""

from __future__ import annotations

import pytest

from approvals.services.roles import keep_roles


@pytest.fixture(autouse=True)
def _roles(db: None) -> None:
    keep_roles()
