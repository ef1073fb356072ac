"""Definitions as files: exporting them, and importing them all or not at all."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.db import transaction

from timestep.masking import MASK, masked
from workflows.errors import AgentNotFound, ImportRefused
from workflows.models import AgentDefinition
from workflows.services.definitions import fields_of, save_definition

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_DEFINITIONS = 1000


@dataclass(frozen=True)
class Change:
    """What an import does to one definition: field → (before, after)."""

    slug: str
    action: Literal["created", "updated", "unchanged"]
    version: int
    differences: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The change as the command line prints it."""
        return {
            "slug": self.slug,
            "action": self.action,
            "version": self.version,
            "differences": {
                name: {"before": before, "after": after}
                for name, (before, after) in self.differences.items()
            },
        }

    def as_lines(self) -> list[str]:
        """The change for people: long texts as a line-by-line difference."""
        if self.action != "updated":
            return [f"{self.slug}: {self.action}"]
        lines = [f"{self.slug}: {self.action}"]
        for name, (before, after) in self.differences.items():
            lines += _difference(name, _as_text(before), _as_text(after))
        return lines


def export_definitions(slugs: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The fields of the definitions with these slugs, or of all. Raises AgentNotFound."""
    wanted = list(slugs)
    rows = AgentDefinition.objects.order_by("slug")
    if not wanted:
        return [fields_of(row) for row in rows]
    found = rows.in_bulk(wanted)
    for slug in wanted:
        if slug not in found:
            raise AgentNotFound(slug)
    return [fields_of(found[slug]) for slug in wanted]


def import_definitions(
    items: Any, *, by: AbstractBaseUser | None = None, dry_run: bool = False
) -> list[Change]:
    """Create or update definitions by slug: all of them, or none.

    Args:
        items: A list of definitions, or one. They may name each other in any order and in
            circles. A field that is not given keeps its value, or gets its default at first.
        by: Who imports.
        dry_run: Find out what would change, and change nothing.

    Raises:
        ImportRefused: What is wrong, by slug and field; nothing was changed.
    """
    rows = _checked_rows(items)
    planned = {row["slug"]: _planned_tools(row) for row in rows}
    changes: list[Change] = []
    refused: list[str] = []
    with transaction.atomic():
        for row in rows:
            try:
                changes.append(_import_one(row, by, planned))
            except ValidationError as error:
                refused += _messages(row["slug"], error)
        if refused:
            raise ImportRefused(refused)
        if dry_run:
            transaction.set_rollback(True)
    return changes


def _checked_rows(items: Any) -> list[dict[str, Any]]:
    rows = [items] if isinstance(items, dict) else items
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ImportRefused(["the file must hold a list of definitions (objects), or one of them"])
    if len(rows) > MOST_DEFINITIONS:
        raise ImportRefused([f"{len(rows)} definitions at once; {MOST_DEFINITIONS} is the most"])
    slugs: set[str] = set()
    for place, row in enumerate(rows):
        slug = row.get("slug")
        if not isinstance(slug, str) or not slug:
            raise ImportRefused([f"definition {place + 1}: slug: is missing"])
        if slug in slugs:
            raise ImportRefused([f"{slug}: slug: is there twice"])
        slugs.add(slug)
    return rows


def _planned_tools(row: Mapping[str, Any]) -> list[str]:
    """Agents that this one will use as tools; a malformed value is refused by its own check."""
    if "agent_tools" not in row:
        kept = AgentDefinition.objects.filter(slug=row["slug"].replace("\x00", ""))
        return kept.values_list("agent_tools", flat=True).first() or []
    value = row["agent_tools"]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _import_one(
    row: Mapping[str, Any], by: AbstractBaseUser | None, planned: Mapping[str, list[str]]
) -> Change:
    slug = row["slug"]
    current = AgentDefinition.objects.filter(slug=slug).first() if "\x00" not in slug else None
    before = fields_of(current) if current is not None else {}
    saved = save_definition(_unmasked(row, before), by=by, planned=planned)
    after = fields_of(saved)
    if not before:
        return Change(slug, "created", saved.latest_version)
    differences = {
        name: (before[name], value) for name, value in after.items() if before[name] != value
    }
    action: Literal["updated", "unchanged"] = "updated" if differences else "unchanged"
    return Change(slug, action, saved.latest_version, differences)


def _unmasked(row: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The row with what the definition has where an export stands that masked it.

    Raises ValidationError where a mask stands for what nobody here knows.
    """
    whole, unknown = {}, {}
    for name, value in row.items():
        exact = before.get(name)
        masks = MASK in json.dumps(value, ensure_ascii=False, default=str)
        whole[name] = exact if masks and value == masked(exact) else value
        if masks and value not in (masked(exact), exact):
            unknown[name] = [f"holds {MASK} for what was not shown: export it with --exact"]
    if unknown:
        raise ValidationError(unknown)
    return whole


def _messages(slug: str, error: ValidationError) -> list[str]:
    return [
        f"{slug[:100]}: {name}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    ]


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _difference(name: str, before: str, after: str) -> list[str]:
    if "\n" not in before + after and len(before + after) < 120:
        return [f"  {name}: {before} → {after}"]
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [f"  {name}:", *(f"    {line}" for line in list(lines)[2:])]
