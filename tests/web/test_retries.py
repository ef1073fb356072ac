"""Retrying on a run's page: what it must be told, and why it is not offered."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.services.rows import standing
from timestep.models import Run, RunStatus


@pytest.mark.django_db
def test_the_page_asks_for_turns_or_says_why_not(owner: Client) -> None:
    standing("r", RunStatus.FAILED, error={"type": "MaxTurnsExceeded"})
    page = owner.get("/runs/r/").content.decode()
    assert 'name="max_turns"' in page
    refused = owner.post("/runs/r/retry/", {"max_turns": "many"})
    assert (refused.status_code, "use a whole number" in refused.content.decode()) == (409, True)
    Run.objects.filter(pk="r").update(error={"type": "InputGuardrailTripwireTriggered"})
    page = owner.get("/runs/r/").content.decode()
    assert "Retrying cannot help. A guardrail refused the input" in page
    assert "Retry from here" not in page
