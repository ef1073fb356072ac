from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

import httpx2
import openai
import pytest

from timestep.engine.providers import backoff_seconds, describe_failure
from timestep.engine.providers.streams import AnswerFailed, AnswerIncomplete, StreamBroken

REQUEST = httpx2.Request("POST", "http://model.test/v1/responses")


def status_error(status: int, body: Any = None, **headers: str) -> openai.APIStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, headers=named, request=REQUEST)
    return openai.APIStatusError("sdk text", response=response, body=body)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_retried(status: int) -> None:
    failure = describe_failure(status_error(status))
    assert failure.retryable
    assert failure.status_code == status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_other_4xx_are_final(status: int) -> None:
    assert not describe_failure(status_error(status)).retryable


def test_a_spent_quota_is_final() -> None:
    body = {"message": "You exceeded your quota", "code": "insufficient_quota", "type": "x"}
    assert not describe_failure(status_error(429, body)).retryable
    assert describe_failure(status_error(429, {"code": "rate_limit_exceeded"})).retryable


def test_the_server_may_say_itself() -> None:
    assert not describe_failure(status_error(503, x_should_retry="false")).retryable
    assert describe_failure(status_error(400, x_should_retry="true")).retryable


@pytest.mark.parametrize(
    "body", [{"message": "No such model"}, {"error": {"message": "No such model"}}]
)
def test_the_message_is_the_providers_own(body: Any) -> None:
    assert describe_failure(status_error(404, body)).message == "No such model"


@pytest.mark.parametrize(
    "error",
    [
        openai.APITimeoutError(REQUEST),
        openai.APIConnectionError(request=REQUEST),
        httpx2.RemoteProtocolError("peer closed connection"),
        httpx2.ReadTimeout("slow"),
        TimeoutError(),
        ConnectionResetError(),
        StreamBroken("early"),
        AnswerFailed("server_error", "it broke"),
        openai.APIError("overloaded", REQUEST, body={"type": "server_error"}),
    ],
)
def test_trouble_on_the_way_is_retried(error: Exception) -> None:
    failure = describe_failure(error)
    assert failure.retryable
    assert failure.message


@pytest.mark.parametrize(
    "error",
    [
        AnswerFailed("invalid_prompt", "no"),
        AnswerIncomplete("incomplete: max_output_tokens"),
        openai.APIError("too long", REQUEST, body={"code": "context_length_exceeded"}),
        ValueError("a mistake of ours"),
    ],
)
def test_what_cannot_change_is_final(error: Exception) -> None:
    assert not describe_failure(error).retryable


def test_a_cause_counts() -> None:
    outer = RuntimeError("wrapped")
    outer.__cause__ = status_error(429, retry_after="3")
    assert describe_failure(outer).retry_after == 3.0


def test_retry_after_in_every_form() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert describe_failure(status_error(429, retry_after="1.5")).retry_after == 1.5
    assert describe_failure(status_error(429, retry_after_ms="250")).retry_after == 0.25
    assert describe_failure(status_error(503, retry_after=later)).retry_after == pytest.approx(
        20, abs=2
    )
    assert describe_failure(status_error(503, retry_after="soon")).retry_after is None
    assert describe_failure(status_error(503, retry_after="-5")).retry_after is None
    assert describe_failure(status_error(503, retry_after="inf")).retry_after is None


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-abc123DEF456ghi.",
        "Authorization: Bearer abc.def.ghi was refused",
        "cannot reach http://user:hunter22@proxy.test/",
        "api_key=abcdef123456 is wrong",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    message = describe_failure(status_error(401, {"message": text})).message
    assert "***" in message
    for secret in ("sk-abc123", "abc.def", "hunter22", "abcdef123456"):
        assert secret not in message


def test_our_own_key_is_masked_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "plainlookingword")
    message = describe_failure(status_error(401, {"message": "bad plainlookingword!"})).message
    assert message == "bad ***!"


def test_messages_are_bounded_and_keep_harmless_words() -> None:
    assert len(describe_failure(status_error(400, {"message": "x" * 9_000})).message) == 2_000
    text = "maximum context length is 8192 tokens: task-force, disk-based"
    assert describe_failure(status_error(400, {"message": text})).message == text


def test_backoff_grows_to_a_cap_with_full_jitter() -> None:
    rng = Random(7)
    waits = {
        number: [backoff_seconds(number, None, rng) for _ in range(300)] for number in (1, 3, 20)
    }
    assert 0 <= min(waits[1]) < 0.1
    assert 0.9 < max(waits[1]) <= 1
    assert 3.5 < max(waits[3]) <= 4
    assert 55 < max(waits[20]) <= 60


def test_what_the_server_asks_for_is_waited_at_least() -> None:
    waits = [backoff_seconds(1, 5.0, Random(seed)) for seed in range(50)]
    assert 5.0 <= min(waits) < max(waits) <= 6.0
    assert backoff_seconds(1, 86_400.0, Random(1)) <= 601
