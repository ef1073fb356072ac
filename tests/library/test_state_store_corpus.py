"""States that earlier releases of openai-agents wrote still load, and go on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from agents import RunConfig, Runner

from tests.corpus import scenes
from tests.corpus.scenes import DONE, SCENES
from tests.engine.unit.conftest import fresh_threads
from timestep.engine import execution
from timestep.engine.execution import Scope
from timestep.engine.state_store import decisions_in
from timestep.engine.states import reserve_for_resume
from timestep.engine.step_ids import StepIds
from timestep.engine.threads import in_thread
from timestep.library.state_store import RunStateStore
from timestep.models import SavedState
from timestep.services.states import StateUnreadable, save_plain

__all__ = ["fresh_threads"]

STATES = Path(scenes.__file__).parent / "states"
RELEASES = sorted(path.name for path in STATES.iterdir())
RECORDED = [(release, name) for release in RELEASES for name in SCENES]
QUIET = RunConfig(tracing_disabled=True)

pytestmark = pytest.mark.usefixtures("transactional_db", "fresh_threads")


def _recorded(release: str, name: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((STATES / release / f"{name}.json").read_text())
    return state


def test_the_corpus_has_every_scene_of_every_release() -> None:
    assert RELEASES == ["0.22.3", "0.23.1", "0.24.0"]
    for release in RELEASES:
        assert {path.stem for path in (STATES / release).iterdir()} == SCENES.keys()


@pytest.mark.parametrize(("release", "name"), RECORDED)
async def test_a_recorded_state_loads_and_goes_on(release: str, name: str) -> None:
    scene, agent = SCENES[name], SCENES[name].play(False)
    await in_thread(save_plain, "chat", agent.name, "", _recorded(release, name))
    state = await RunStateStore(agent, "chat").load()
    waiting = state.get_interruptions()
    assert [item.call_id for item in waiting] == scene.waits
    decided = {decision["call_id"] for decision in decisions_in(state)}
    # From schema 1.18 on, an approval for ever is bound to its agent; older ones count for a call.
    assert decided == set(scene.decided) or (release < "0.23" and name == "always")
    for item in waiting:
        if item.call_id not in decided:
            state.approve(item)
    DONE.clear()
    result = await Runner.run(agent, state, run_config=QUIET)
    assert (result.final_output, sorted(DONE)) == ("All done", sorted(scene.does))


@pytest.mark.parametrize(("release", "name"), RECORDED)
def test_steps_are_reserved_for_every_call_that_goes_on(
    release: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many: Any = [SimpleNamespace(step_id=number) for number in range(5000)]
    monkeypatch.setattr(execution, "nested_steps", lambda _block: StepIds(many))
    scope = Scope(cast("Any", None), StepIds(many))
    reserve_for_resume(scope, _recorded(release, name))
    assert _reserved(scope) >= set(SCENES[name].waits)


def _reserved(scope: Scope) -> set[str]:
    return set(scope.steps).union(*(_reserved(nested) for nested in scope.nested.values()))


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ({"$schemaVersion": "9.99"}, "schema 9.99.*not supported"),
        ({"$schemaVersion": None}, "schema None.*cannot be read"),
        ({"current_agent": {"name": "Nobody"}}, "agent not found"),
        ({"context": []}, "cannot be read by this version of openai-agents"),
        ({"generated_items": 7}, "cannot be read by this version of openai-agents"),
    ],
)
async def test_a_state_that_cannot_be_read_is_named_and_stays(
    spoilt: dict[str, Any], says: str
) -> None:
    agent = SCENES["plain"].play(False)
    await in_thread(save_plain, "chat", agent.name, "", _recorded("0.24.0", "plain") | spoilt)
    with pytest.raises(StateUnreadable, match=says):
        await RunStateStore(agent, "chat").load()
    assert await RunStateStore(agent, "chat").list()
    assert await in_thread(SavedState.objects.count) == 1
