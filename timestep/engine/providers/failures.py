"""What went wrong with a model call, and whether it is worth another try."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from timestep.engine.pacing import AnswerTooLong
from timestep.engine.providers.streams import AnswerFailed, AnswerIncomplete, StreamBroken
from timestep.providers import PROVIDERS

MAX_MESSAGE = 2_000
MAX_BACKOFF = 60.0
# A server that asks for more than this is not worth holding a worker's slot for.
MAX_RETRY_AFTER = 600.0
_FIRST_BACKOFF = 1.0

_SECRET = re.compile(
    r"\b(?:sk|pk|rk|sess|gh[opsu]|xox[abp]|hf)[-_][A-Za-z0-9*_\-.]{6,}"
    r"|(?i:\bBearer\s+[^\s\"',;]+)"
    r"|(?i:\b(?:api[-_ ]?key|authorization|password|secret)\"?\s*[=:]\s*\"?"
    r"(?:Bearer\s+)?[^\s\"',;]{4,})"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
)
_RETRYABLE_STATUS = frozenset({408, 409, 425, 429})
# Codes and types in a body that no later try can change, even under a status that usually can.
_FATAL_CODES = re.compile(
    r"insufficient_quota|billing|invalid|unsupported|not_found|context_length|content_policy"
    r"|content_filter|authentication|permission|access_denied|model_not_available"
)


class Uniform(Protocol):
    """Where the jitter comes from: the module `random`, or a seeded `Random`."""

    def uniform(self, a: float, b: float) -> float:
        """A number between both."""


@dataclass(frozen=True)
class ModelFailure:
    """A failed model call, as the timeline tells it.

    Args:
        retryable: Whether the same request may succeed a little later.
        status_code: The HTTP status of the answer, if there was one.
        message: The provider's own message, without secrets, at most 2,000 characters.
        retry_after: Seconds that the server asked to wait, if it did.
    """

    retryable: bool
    status_code: int | None
    message: str
    retry_after: float | None = None


def describe_failure(error: BaseException) -> ModelFailure:
    """Classify what a model call raised. Nothing is raised here, whatever the error is."""
    for link in _chain(error):
        failure = _describe(link)
        if failure is not None:
            return failure
    return ModelFailure(False, None, _clean(f"{type(error).__name__}: {error}"))


def backoff_seconds(try_no: int, retry_after: float | None, rng: Uniform) -> float:
    """How long to wait after the failed try number `try_no` (from 1).

    Exponential with full jitter, at most 60 s. What the server asks for is waited at least, up to
    ten minutes, plus up to a second so that many runs do not come back in the same moment.
    """
    if retry_after is not None:
        return min(max(retry_after, 0.0), MAX_RETRY_AFTER) + rng.uniform(0.0, 1.0)
    ceiling = min(MAX_BACKOFF, _FIRST_BACKOFF * 2 ** min(max(try_no - 1, 0), 16))
    return rng.uniform(0.0, ceiling)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, each once."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__


def _describe(error: BaseException) -> ModelFailure | None:
    if isinstance(error, APIStatusError):
        return _from_status(error)
    if isinstance(error, APITimeoutError | httpx2.TimeoutException | TimeoutError):
        return ModelFailure(True, None, "the model's server did not answer in time")
    if isinstance(error, APIConnectionError):
        return ModelFailure(True, None, _connection_message(error))
    if isinstance(error, APIError | AnswerFailed):
        return _from_stream_error(error)
    return _from_transport(error)


def _from_transport(error: BaseException) -> ModelFailure | None:
    if isinstance(error, AnswerIncomplete | AnswerTooLong | httpx2.StreamError):
        return ModelFailure(False, None, _clean(str(error)))
    if isinstance(error, StreamBroken):
        return ModelFailure(True, None, str(error))
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return ModelFailure(True, None, "the stream broke off in the middle of an event")
    if isinstance(error, httpx2.RequestError | ConnectionError):
        return ModelFailure(True, None, _clean(f"the connection failed: {error}"))
    return None


def _from_status(error: APIStatusError) -> ModelFailure:
    status = error.status_code
    retryable = status in _RETRYABLE_STATUS or status >= 500
    if status == 429 and _says_fatal(error.code, error.type):
        retryable = False
    asked = error.response.headers.get("x-should-retry", "").lower()
    if asked in ("true", "false"):
        retryable = asked == "true"
    message = _clean(_provider_message(error))
    return ModelFailure(retryable, status, message, _retry_after(error.response.headers))


def _from_stream_error(error: APIError | AnswerFailed) -> ModelFailure:
    """An error inside a stream: the request was accepted, so only some codes are final."""
    codes = (error.code, error.type) if isinstance(error, APIError) else (error.code,)
    message = _clean(str(error) or error.code or type(error).__name__)
    return ModelFailure(not _says_fatal(*codes), None, message)


def _says_fatal(*codes: str | None) -> bool:
    return any(code and _FATAL_CODES.search(code) for code in codes)


def _provider_message(error: APIStatusError) -> str:
    """What the provider wrote, not the SDK's dump of the body."""
    body = error.body
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        text = inner.get("message") if isinstance(inner, Mapping) else inner
        if isinstance(text, str) and text:
            return text
    return error.message


def _connection_message(error: APIConnectionError) -> str:
    cause = error.__cause__
    url = error.request.url
    where = f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port else "")
    detail = f": {cause}" if cause is not None and str(cause) else ""
    return _clean(f"the connection to {where} failed{detail}")


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds from `retry-after-ms` or `Retry-After` (seconds or a date)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name))
        if seconds is not None:
            return seconds / unit
    return _until(headers.get("retry-after"))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(date: str | None) -> float | None:
    if not date:
        return None
    try:
        moment = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(moment - time.time(), 0.0)


def _clean(text: str) -> str:
    """At most 2,000 characters, with our own keys and whatever looks like one masked."""
    masked = text[: MAX_MESSAGE * 4]
    for provider in PROVIDERS.values():
        key = os.environ.get(provider.env_key, "").strip() if provider.env_key else ""
        if len(key) >= 4:
            masked = masked.replace(key, "***")
    masked = _SECRET.sub("***", masked)
    return masked if len(masked) <= MAX_MESSAGE else masked[: MAX_MESSAGE - 1] + "…"
