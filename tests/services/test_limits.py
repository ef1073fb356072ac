"""Model limits as people keep them."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import AuditEntry
from timestep.errors import InvalidInput, ModelLimitNotFound
from timestep.models import ModelLimit
from timestep.services import limits
from timestep.services.audit import Actor

pytestmark = pytest.mark.django_db
BY = Actor("ana", "page")


@pytest.mark.parametrize(
    ("pattern", "model", "matched"),
    [
        ("openai/gpt-4.1", "gpt-4.1", True),
        ("openai/gpt-4.1", "openai/gpt-4.1", True),
        ("openai/gpt-4.1", "gpt-4.1-mini", False),
        ("openai/gpt-4*", "gpt-4.1-mini", True),
        ("openai/*", "ollama/llama", False),
        ("*", "ollama/llama", True),
    ],
)
def test_which_models_a_limit_is_for(pattern: str, model: str, matched: bool) -> None:
    assert limits.matches(pattern, model) is matched


def test_a_limit_is_made_changed_and_lifted_each_audited() -> None:
    limits.create(" gpt-4.1 ", 60, None, by=BY)
    limits.change("openai/gpt-4.1", None, 1000, by=BY)
    kept = ModelLimit.objects.get()
    assert (kept.pattern, kept.requests_per_minute, kept.tokens_per_minute) == (
        "openai/gpt-4.1", None, 1000,
    )  # fmt: skip
    limits.delete("openai/gpt-4.1", by=BY)
    acts = AuditEntry.objects.order_by("number").values_list("act", "actor", "subject")
    subject = "model_limit:openai/gpt-4.1"
    assert list(acts) == [
        (f"model_limit.{act}", "ana", subject) for act in ("create", "change", "delete")
    ]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("", 1, None), "pattern"),
        (("a b/*", 1, None), "pattern"),
        (("a*/*", 1, None), "pattern"),
        (("openai", 1, None), "pattern"),
        (("openai*", 1, None), "pattern"),
        (("demo/", 1, None), "pattern"),
        (("x" * 201, 1, None), "pattern"),
        (("x" * 197, 1, None), "pattern"),
        (("a\x00b", 1, None), "pattern"),
        (("m", None, None), "requests"),
        (("m", 0, None), "requests"),
        (("m", 2**31, None), "requests"),
        (("m", True, None), "requests"),
        (("m", None, -1), "tokens"),
        (("m", None, 2**63), "tokens"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(given: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        limits.create(*given, by=BY)
    assert refused.value.field == field
    assert not ModelLimit.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_second_limit_of_a_pattern_is_refused() -> None:
    limits.create("m", 1, None, by=BY)
    with pytest.raises(InvalidInput, match="already"):
        limits.create("openai/m", 2, None, by=BY)


def test_what_is_not_there_is_neither_changed_nor_lifted() -> None:
    with pytest.raises(ModelLimitNotFound):
        limits.change("openai/m", 1, None, by=BY)
    with pytest.raises(ModelLimitNotFound):
        limits.delete("openai/m", by=BY)
