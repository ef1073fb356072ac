"""JSON that is kept as it was written: its keys in their order, its numbers in their form."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.json import KeyTransformFactory
from django.db.models.functions import Cast


class WrittenJSONField(models.JSONField):
    """A JSON column for what models and people wrote, or what models are shown.

    On Postgres it is `json`, which keeps the text, where Django's own is `jsonb`, which sorts the
    keys of every object: a card would show arguments, and a model its output schema, in another
    order than on SQLite. The price: such a column cannot be compared, only read; a key in it can.
    """

    def get_transform(self, lookup_name: str) -> Any:
        """A key of the value: of `jsonb`, since Postgres compares nothing of `json`."""
        found = super().get_transform(lookup_name)
        if not isinstance(found, KeyTransformFactory):
            return found
        return lambda column: found(Cast(column, models.JSONField()))

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """`json` on Postgres; as Django has it elsewhere."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        """The value for the driver, which must not make `jsonb` of it on the way."""
        adapted = super().get_db_prep_value(value, connection, prepared)
        if connection.vendor != "postgresql" or adapted is None:
            return adapted
        from psycopg.types.json import Json  # noqa: PLC0415 - no process on SQLite needs it

        return Json(adapted.obj, dumps=adapted.dumps)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """The value as it was kept; for `json` the driver has read it already."""
        if connection.vendor == "postgresql":
            return value
        return super().from_db_value(value, expression, connection)
