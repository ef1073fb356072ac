"""Model limits as people keep them: for one model, or for all that begin with a prefix."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from timestep.errors import InvalidInput, ModelLimitNotFound
from timestep.models import ModelLimit
from timestep.notify import notify_dispatch
from timestep.providers import OPENAI, PROVIDERS
from timestep.services import audit
from timestep.services.audit import Actor

MAX_PATTERN = 200
MOST_REQUESTS = 2**31 - 1
MOST_TOKENS = 2**53  # What JSON, and so the audit trail, keeps exactly.
_ANY = "*"


def full_name(model: str) -> str:
    """A model's name with its provider: a name without one is OpenAI's."""
    return model if "/" in model else f"{OPENAI.prefix}/{model}"


def matches(pattern: str, model: str) -> bool:
    """Whether a limit is for a model.

    Args:
        pattern: As a limit keeps it.
        model: As an agent names it.
    """
    name = full_name(model)
    return name.startswith(pattern[:-1]) if pattern.endswith(_ANY) else name == pattern


@transaction.atomic
def create(pattern: str, requests: int | None, tokens: int | None, *, by: Actor) -> ModelLimit:
    """Limit a model, or all that begin with a prefix; in force on every worker within 2 s.

    Args:
        pattern: `openai/gpt-4.1`, or a prefix: `openai/*`; `gpt-4.1` is OpenAI's.
        requests: Calls in any minute, retries included; None for no limit.
        tokens: Input and output tokens in any minute; None for no limit.
        by: Who does it.

    Raises:
        InvalidInput: A value cannot be used, or there is such a limit; `field` names it.
    """
    kept = checked_pattern(pattern)
    figures = checked_figures(requests, tokens)
    limit, made = ModelLimit.objects.get_or_create(pattern=kept, defaults=figures)
    if not made:
        raise InvalidInput("pattern", f"there is a limit for {kept} already; change that one")
    _record(by, "model_limit.create", kept, figures)
    return limit


@transaction.atomic
def change(pattern: str, requests: int | None, tokens: int | None, *, by: Actor) -> ModelLimit:
    """Change what a limit allows; what waits for it sees so within 1 s.

    Args:
        pattern: The limit's.
        requests: Calls in any minute; None for no limit.
        tokens: Tokens in any minute; None for no limit.
        by: Who does it.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
        ModelLimitNotFound: There is no such limit.
    """
    figures = checked_figures(requests, tokens)
    limit = _locked(pattern)
    before = {f"{name}_before": getattr(limit, name) for name in figures}
    for name, value in figures.items():
        setattr(limit, name, value)
    limit.save()
    _record(by, "model_limit.change", pattern, figures | before)
    return limit


@transaction.atomic
def delete(pattern: str, *, by: Actor) -> None:
    """Lift a limit; what waits for it goes on.

    Args:
        pattern: The limit's.
        by: Who does it.

    Raises:
        ModelLimitNotFound: There is no such limit.
    """
    _locked(pattern).delete()
    _record(by, "model_limit.delete", pattern, {})


def checked_pattern(pattern: str) -> str:
    """A pattern as it is kept. Raises InvalidInput."""
    text = pattern.strip() if isinstance(pattern, str) else ""
    if not 1 <= len(text) <= MAX_PATTERN or not text.isprintable() or " " in text:
        raise InvalidInput("pattern", f"use 1 to {MAX_PATTERN} characters without spaces")
    stem = text.removesuffix(_ANY)
    if _ANY in stem:
        raise InvalidInput("pattern", "write one *, at the end: openai/*")
    if stem in PROVIDERS:
        raise InvalidInput("pattern", f"write {stem}/* for all models of {PROVIDERS[stem].label}")
    if text.endswith("/"):
        raise InvalidInput("pattern", f"write {text}* for all models of that provider")
    kept = text if text == _ANY else full_name(text)
    if len(kept) > MAX_PATTERN:
        raise InvalidInput("pattern", f"use at most {MAX_PATTERN} characters")
    return kept


def checked_figures(requests: int | None, tokens: int | None) -> dict[str, int | None]:
    """What a limit allows, by its columns. Raises InvalidInput."""
    if requests is None and tokens is None:
        raise InvalidInput("requests", "give requests, tokens, or both: else nothing is limited")
    return {
        "requests_per_minute": _whole("requests", requests, MOST_REQUESTS),
        "tokens_per_minute": _whole("tokens", tokens, MOST_TOKENS),
    }


def _whole(field: str, value: int | None, most: int) -> int | None:
    number = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (number and 1 <= value <= most):
        raise InvalidInput(field, f"use a whole number from 1 to {most}, or nothing for no limit")
    return value


def _locked(pattern: str) -> ModelLimit:
    limit = ModelLimit.objects.select_for_update().filter(pattern=pattern).first()
    if limit is None:
        raise ModelLimitNotFound(pattern)
    return limit


def _record(by: Actor, act: str, pattern: str, figures: dict[str, Any]) -> None:
    audit.record(by, act, f"model_limit:{pattern}", **figures)
    notify_dispatch()
