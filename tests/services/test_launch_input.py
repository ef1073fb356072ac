"""What a launch refuses: always `InvalidInput` with the field's name, and nothing written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.rows import launched
from timestep.errors import InvalidInput
from timestep.models import Run
from timestep.services.launch import MAX_PRIORITY, MAX_TIMEOUT_SECONDS

pytestmark = pytest.mark.django_db

HALF = "\ud800"


class _NoJson:
    """Its name in a test's id must not hold an address, which differs between processes."""

    def __repr__(self) -> str:
        return "no JSON"


NO_JSON = _NoJson()

REFUSED: list[tuple[str, Any]] = [
    ("run_id", ""),
    ("run_id", "a b"),
    ("run_id", "a/b"),
    ("run_id", "a:0"),
    ("run_id", "ok\n"),
    ("run_id", "ünicode"),
    ("run_id", "x" * 129),
    ("input", ""),
    ("input", " \n"),
    ("input", []),
    ("input", None),
    ("input", {"role": "user"}),
    ("input", ["hello"]),
    ("input", "a\x00b"),
    ("input", HALF),
    ("input", [{"role": "user", "content": "a\x00"}]),
    ("input", [{"content": [{"type": "input_text", "text": ["deep", {"er": HALF}]}]}]),
    ("input", [{"key\x00": 1}]),
    ("input", [{"content": ("a\x00",)}]),
    ("input", [{"content": float("nan")}]),
    ("input", [{"content": {1, 2}}]),
    ("context", {"a": ["b\x00"]}),
    ("context", {"a": HALF}),
    ("context", float("inf")),
    ("context", NO_JSON),
    ("session_id", ""),
    ("session_id", "x" * 201),
    ("session_id", "a\x00"),
    ("session_id", HALF),
    ("queue", " "),
    ("queue", "x" * 101),
    ("queue", HALF),
    ("dedup_id", "\x00"),
    ("dedup_id", "x" * 201),
    ("dedup_id", HALF),
    ("priority", 0),
    ("priority", -1),
    ("priority", MAX_PRIORITY + 1),
    ("priority", 1.5),
    ("priority", "1"),
    ("timeout_seconds", 0),
    ("timeout_seconds", -1.0),
    ("timeout_seconds", float("nan")),
    ("timeout_seconds", float("inf")),
    ("timeout_seconds", MAX_TIMEOUT_SECONDS + 1),
    ("max_turns", 0),
    ("max_turns", -1),
    ("max_turns", 2**31),
    ("agent", "x" * 101),
    ("agent", "a\x00"),
]


@pytest.mark.parametrize(("field", "value"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_what_cannot_be_used_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        launched(**{field: value})
    assert refused.value.field == field
    assert refused.value.message
    assert not Run.objects.exists()


def test_a_wrong_value_beside_a_deduplication_id_is_refused_as_well() -> None:
    with pytest.raises(InvalidInput, match="max_turns"):
        launched(dedup_id="d", max_turns=-1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run_id", "A-z_0.9"),
        ("run_id", "x" * 128),
        ("input", "🙂 naïve\n"),
        ("input", [{"content": [{"text": "🙂", "n": 1.5, "none": None}]}]),
        ("session_id", "x" * 200),
        ("queue", "x" * 100),
        ("priority", 1),
        ("priority", MAX_PRIORITY),
        ("timeout_seconds", 0.001),
        ("timeout_seconds", MAX_TIMEOUT_SECONDS),
        ("max_turns", 1),
        ("context", [1, {"a": "b"}]),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_just_within_the_limits_is_kept_as_it_is(field: str, value: Any) -> None:
    run = launched(**{field: value})
    assert getattr(Run.objects.get(pk=run.pk), field) == value


def test_names_of_the_callers_own_program_are_made_fit() -> None:
    run = launched(label="a\x00" + "x" * 200, launched_from=HALF + "y" * 300)
    assert Run.objects.get(pk=run.pk).label == "a\ufffd" + "x" * 98
    assert Run.objects.get(pk=run.pk).launched_from == "\ufffd" + "y" * 199
