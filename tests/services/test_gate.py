"""The default gate, and how the setting names another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from approvals.gate import RecordingGate
from timestep.gate import DefaultGate, ToolCall, approval_gate


@pytest.fixture(autouse=True)
def _fresh_gate() -> Iterator[None]:
    approval_gate.cache_clear()
    yield
    approval_gate.cache_clear()


@pytest.mark.parametrize(("asks", "verdict"), [(True, "ask"), (False, "allow")])
def test_the_default_gate_asks_where_the_tool_asks(asks: bool, verdict: str) -> None:
    call = ToolCall("r", "desk", "refund", "c1", "{}", asks)
    assert DefaultGate().check([call]) == [verdict]


def test_the_setting_names_the_gate(settings: Settings) -> None:
    assert isinstance(approval_gate(), RecordingGate)
    approval_gate.cache_clear()
    settings.TIMESTEP_APPROVAL_GATE = "timestep.gate.DefaultGate"
    assert isinstance(approval_gate(), DefaultGate)


def test_without_the_setting_the_default_gate_stands(settings: Settings) -> None:
    del settings.TIMESTEP_APPROVAL_GATE
    assert isinstance(approval_gate(), DefaultGate)
    assert approval_gate() is approval_gate()
