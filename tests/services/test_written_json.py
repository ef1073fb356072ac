"""What was written is read again as it was written, on either database."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.rows import launched, standing
from timestep.models import AgentSpec, CatalogueTool, Run, RunStatus

pytestmark = pytest.mark.django_db

# Postgres's jsonb would put shorter keys first, and drop the zeroes of the number.
WRITTEN = {"order_id": 4711, "amount": 25.0, "to": {"name": "Ana", "id": 7}, "a": [1, None]}


def _order(value: Any) -> list[str]:
    return list(value)


def test_keys_keep_their_order() -> None:
    spec = AgentSpec.objects.create(digest="1" * 64, body=WRITTEN)
    spec.refresh_from_db()
    assert spec.body == WRITTEN
    assert _order(spec.body) == _order(WRITTEN)
    assert _order(spec.body["to"]) == ["name", "id"]


@pytest.mark.parametrize("value", [WRITTEN, [WRITTEN], "123", "null", "", 0, False, 1.5])
def test_an_update_writes_it_as_well(value: Any) -> None:
    standing("r", RunStatus.RUNNING)
    Run.objects.filter(run_id="r").update(final_output=value)
    found = Run.objects.get(run_id="r").final_output
    assert found == value
    assert type(found) is type(value)


def test_many_are_written_at_once() -> None:
    names = ("one", "two", "three")
    CatalogueTool.objects.bulk_create(
        CatalogueTool(name=name, schema=WRITTEN, schema_digest="", module="m") for name in names
    )
    for found in CatalogueTool.objects.values_list("schema", flat=True):
        assert _order(found) == _order(WRITTEN)


def test_nothing_is_null() -> None:
    launched("r")
    assert Run.objects.filter(run_id="r", final_output__isnull=True).exists()


def test_a_part_of_it_can_be_read() -> None:
    AgentSpec.objects.create(digest="1" * 64, body={"needs": {"script": "/a.py"}, "text": "x"})
    found = AgentSpec.objects.values_list("body__needs__script", "body__text", "body__none")
    assert found.get(digest="1" * 64) == ("/a.py", "x", None)


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ({"body__needs__script": "/a.py"}, True),
        ({"body__needs__script": "/b.py"}, False),
        ({"body__spec_version": 2}, True),
        ({"body__spec_version__lt": 2}, False),
        ({"body__none__isnull": True}, True),
    ],
)
def test_a_part_of_it_can_be_asked_for(asked: dict[str, Any], is_found: bool) -> None:
    body = {"needs": {"script": "/a.py"}, "spec_version": 2}
    AgentSpec.objects.create(digest="1" * 64, body=body)
    assert AgentSpec.objects.filter(**asked).exists() == is_found
