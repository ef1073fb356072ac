from __future__ import annotations

import pytest

from timestep.errors import InvalidInput
from timestep.providers import DEMO, OLLAMA, OPENAI, available, split_model_name


@pytest.mark.parametrize(
    ("name", "provider", "rest"),
    [
        ("gpt-4.1", OPENAI, "gpt-4.1"),
        ("openai/meta/llama-3", OPENAI, "meta/llama-3"),
        ("ollama/library/llama3.2:1b", OLLAMA, "library/llama3.2:1b"),
        ("demo/fast", DEMO, "fast"),
        ("demo/50tps", DEMO, "50tps"),
    ],
)
def test_the_prefix_names_the_provider(name: str, provider: object, rest: str) -> None:
    assert split_model_name(name) == (provider, rest)


@pytest.mark.parametrize(
    "name",
    ["", " gpt", "gpt\n", "x" * 201, "claude/opus", "/gpt", "ollama/", "demo/warp", "demo/0tps"],
)
def test_other_names_are_refused_with_the_field(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        split_model_name(name)
    assert caught.value.field == "model"


def test_an_unknown_prefix_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"'claude'.*openai/….*ollama/….*demo/…"):
        split_model_name("claude/opus")


def test_availability_never_holds_the_key() -> None:
    found = available({"OPENAI_API_KEY": "sk-very-secret"})
    assert found == {"openai": True, "ollama": True, "demo": True}
    assert available({})["openai"] is False
    assert available({"OPENAI_API_KEY": " "})["openai"] is False


def test_base_urls_come_from_the_environment_or_the_default() -> None:
    assert OLLAMA.base_url({}) == "http://localhost:11434/v1"
    assert OLLAMA.base_url({"OLLAMA_BASE_URL": "http://gpu:1/v1"}) == "http://gpu:1/v1"
    assert OPENAI.base_url({}) is None


def test_the_demo_says_what_it_is() -> None:
    assert DEMO.label == "Demo (offline, built in)"
    assert DEMO.offline
    assert not OPENAI.offline
