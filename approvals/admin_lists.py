"""What admin lists of big tables need: nothing counted to its end, and nothing changed by hand."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

_M = TypeVar("_M", bound=models.Model)

COUNTED_ROWS = 1_000


class BoundedPaginator(Paginator[Any]):
    """Counts, and offers pages, no further than `COUNTED_ROWS`; filters lead to older rows."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or `COUNTED_ROWS` where there are more."""
        rows = self.object_list
        return rows[:COUNTED_ROWS].count() if isinstance(rows, QuerySet) else len(rows)


class ReadOnlyAdmin(admin.ModelAdmin[_M]):
    """Shows rows; nobody adds, changes or deletes one here, superusers included."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from services only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: _M | None = None) -> bool:
        """Rows are changed by services only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: _M | None = None) -> bool:
        """Rows stay."""
        return False
