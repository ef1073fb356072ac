"""Saving agent definitions: the one way for admin, import and demo content alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from timestep.digests import digest
from workflows.models import AgentDefinition, AgentVersion
from workflows.services.definition_checks import DEFAULTS, cleaned_fields

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# What a run depends on. Switching an agent off or on is no new version of it.
VERSIONED = tuple(name for name in DEFAULTS if name not in ("slug", "active"))


def save_definition(
    fields: Mapping[str, Any],
    *,
    by: AbstractBaseUser | None = None,
    slug: str | None = None,
    planned: Mapping[str, list[str]] | None = None,
) -> AgentDefinition:
    """Create or update a definition, and make a new version when and only when it changed.

    Args:
        fields: Field → value. Those not given keep their value, or get their default at first.
        by: Who saves it.
        slug: The definition, where `fields` does not say it. A slug never changes.
        planned: Definitions saved in the same transaction: slug → agents used as tools.

    Returns:
        The definition; its `latest_version` is the number of its newest version.

    Raises:
        ValidationError: Messages by the name of the field at fault; nothing was changed.
    """
    name = fields.get("slug", slug)
    if slug is not None and name != slug:
        raise ValidationError({"slug": ["a slug cannot be changed: runs refer to it"]})
    with transaction.atomic():
        current = _locked(name)
        kept = fields_of(current) if current is not None else {}
        cleaned = cleaned_fields({**kept, **fields, "slug": name}, planned)
        if current is not None and cleaned == kept:
            return current
        definition = current or _created(cleaned)
        for field, value in cleaned.items():
            setattr(definition, field, value)
        _add_version(definition, by)
        definition.save()
    return definition


def fields_of(definition: AgentDefinition) -> dict[str, Any]:
    """The fields of a definition, in the order in which files show them."""
    return {name: getattr(definition, name) for name in DEFAULTS}


def version_body(definition: AgentDefinition) -> dict[str, Any]:
    """What a version of this definition holds."""
    return {name: getattr(definition, name) for name in VERSIONED}


def _locked(slug: Any) -> AgentDefinition | None:
    """The definition, locked until the transaction ends (SQLite locked the file at its start)."""
    if not isinstance(slug, str) or "\x00" in slug:
        return None  # The check of the field says what is wrong.
    return AgentDefinition.objects.select_for_update().filter(slug=slug).first()


def _created(cleaned: dict[str, Any]) -> AgentDefinition:
    """A new row; if someone else inserted the slug first, theirs, locked."""
    try:
        with transaction.atomic():
            AgentDefinition.objects.create(**cleaned)
    except IntegrityError:
        pass
    return AgentDefinition.objects.select_for_update().get(slug=cleaned["slug"])


def _add_version(definition: AgentDefinition, by: AbstractBaseUser | None) -> None:
    """The definition's row is locked, so numbers follow each other without gaps."""
    body = version_body(definition)
    checksum = digest(body)
    latest = definition.versions.order_by("-number").first()
    if latest is not None and latest.digest == checksum:
        return
    definition.latest_version = latest.number + 1 if latest is not None else 1
    AgentVersion.objects.create(
        definition=definition,
        number=definition.latest_version,
        body=body,
        digest=checksum,
        saved_by_id=getattr(by, "pk", None),
    )
