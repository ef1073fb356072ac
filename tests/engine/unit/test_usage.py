"""Token usage, from providers' answers to events."""

from __future__ import annotations

from openai.types.responses import ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from timestep.engine.usage import response_usage, usage_as_json


def test_all_kinds_of_tokens_are_carried_over() -> None:
    usage = response_usage(
        ResponseUsage(
            input_tokens=100,
            input_tokens_details=InputTokensDetails(cached_tokens=40, cache_write_tokens=1),
            output_tokens=20,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=5),
            total_tokens=120,
        )
    )
    assert (usage.requests, usage.total_tokens) == (1, 120)
    assert usage_as_json(usage) == {
        "input_tokens": 100,
        "cached_tokens": 40,
        "output_tokens": 20,
        "reasoning_tokens": 5,
    }


def test_a_provider_that_reports_nothing_still_made_a_request() -> None:
    usage = response_usage(None)
    assert (usage.requests, usage.total_tokens) == (1, 0)
    assert set(usage_as_json(usage).values()) == {0}


def test_a_provider_that_leaves_things_out_is_taken_at_zero() -> None:
    partial = ResponseUsage.model_construct(
        input_tokens=3,
        output_tokens=None,
        total_tokens=None,
        input_tokens_details=None,
        output_tokens_details=None,
    )
    counted = usage_as_json(response_usage(partial))
    assert counted == {
        "input_tokens": 3,
        "cached_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": 0,
    }
