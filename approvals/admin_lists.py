"""What admin lists of big tables need: nothing counted to its end, nothing changed by hand, nothing
shown that is not to be seen.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models import JSONField, Q, QuerySet, TextField
from django.http import HttpRequest

from approvals.access import Sight, sight_of
from approvals.masking import masked

_M = TypeVar("_M", bound=models.Model)

COUNTED_ROWS = 1_000


class BoundedPaginator(Paginator[Any]):
    """Counts, and offers pages, no further than `COUNTED_ROWS`; filters lead to older rows."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or `COUNTED_ROWS` where there are more."""
        rows = self.object_list
        return rows[:COUNTED_ROWS].count() if isinstance(rows, QuerySet) else len(rows)


class SeenAdmin(admin.ModelAdmin[_M]):
    """Shows the rows of the agents and runs that the person sees."""

    @abstractmethod
    def seen(self, sight: Sight) -> Q:
        """The condition on rows."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[_M]:
        """The rows that are seen; the rest is not there."""
        return super().get_queryset(request).filter(self.seen(sight_of(request.user)))


class ReadOnlyAdmin(admin.ModelAdmin[_M]):
    """Shows rows; nobody adds, changes or deletes one here, superusers included."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def get_fields(self, request: HttpRequest, obj: _M | None = None) -> list[Any]:
        """All columns; those that people and models fill, masked."""
        return [shown(field) for field in self.opts.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: _M | None = None) -> list[Any]:
        """All of them."""
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from services only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: _M | None = None) -> bool:
        """Rows are changed by services only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: _M | None = None) -> bool:
        """Rows stay."""
        return False


@cache
def shown(field: models.Field[Any, Any]) -> str | Callable[[models.Model], str]:
    """How a column is named in the fields of an admin: by its name, or by what masks its value."""
    if not isinstance(field, JSONField | TextField):
        return field.name

    @admin.display(description=str(field.verbose_name).capitalize(), empty_value="-")
    def column(obj: models.Model) -> str:
        value = masked(getattr(obj, field.name))
        if isinstance(value, str) or value is None:
            return value or "-"
        return json.dumps(value, indent=1, ensure_ascii=False)

    return column
