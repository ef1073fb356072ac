"""Token usage: from the provider's form into the SDK's, and into ours."""

from __future__ import annotations

from agents import Usage
from openai.types.responses import ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails


def response_usage(usage: ResponseUsage | None) -> Usage:
    """One request's usage; a provider that reports none still made a request."""
    if usage is None:
        return Usage(requests=1)
    given, made = usage.input_tokens_details, usage.output_tokens_details
    return Usage(
        requests=1,
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        total_tokens=usage.total_tokens or 0,
        input_tokens_details=given or InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens_details=made or OutputTokensDetails(reasoning_tokens=0),
    )


def usage_as_json(usage: Usage) -> dict[str, int]:
    """The tokens of one call by kind, as events carry them."""
    return {
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.input_tokens_details.cached_tokens or 0,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.output_tokens_details.reasoning_tokens or 0,
    }
