"""Asked often, and of specs that anybody wrote: what is missing, in one sentence."""

from __future__ import annotations

import time
from typing import Any

import pytest
from agents import Agent

from tests.engine.travel.everything import ENVIRONMENT, config, everything
from timestep.engine.travel import build, build_run_config, describe, missing_here
from timestep.errors import SpecNotBuildable


@pytest.mark.parametrize("version", [1, 3, "2", None, [], {}])
def test_other_versions_are_for_others(version: Any) -> None:
    spec = {**describe(Agent(name="a")), "spec_version": version}
    assert "this process builds 2" in missing_here(spec)
    for make in (build, build_run_config):
        with pytest.raises(SpecNotBuildable, match="this process builds 2"):
            make(spec | {"run_config": {}})


@pytest.mark.parametrize("spec", [None, 3, "x", [], {}, {"spec_version": 2}])
def test_what_is_no_spec_is_told_in_a_sentence(spec: Any) -> None:
    assert missing_here(spec)
    assert "\n" not in missing_here(spec)
    with pytest.raises(SpecNotBuildable):
        build(spec)


def test_it_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    spec = describe(everything(), run_config=config())
    assert missing_here(spec) == ""
    began = time.process_time()
    for _ in range(100):
        missing_here(spec)
    assert time.process_time() - began < 2
