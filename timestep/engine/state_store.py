"""The `RunStateStore`: states of interrupted runs, compressed, one row per revision."""

from __future__ import annotations

import json
import zlib
from typing import Any

from timestep.errors import TimestepError
from timestep.models import Run, SavedState


class StateUnreadable(TimestepError):
    """A saved state is missing or damaged; its row stays as it is."""


class RunStateStore:
    """Where interrupted runs keep the SDK's `RunState` until people have decided."""

    @staticmethod
    def save(run: Run, state: dict[str, Any]) -> SavedState:
        """Save `RunState.to_json()` under (session, run, revision), in the caller's transaction.

        Args:
            run: The run, with the revision that the state gets.
            state: The SDK's JSON form; its schema version is kept in a column.
        """
        return SavedState.objects.create(
            run=run,
            revision=run.revision,
            session_id=run.session_id,
            spec_digest=run.spec_id,
            schema_version=str(state.get("$schemaVersion", "")),
            body=zlib.compress(json.dumps(state, ensure_ascii=False).encode()),
        )

    @staticmethod
    def load(run_id: str, revision: int) -> dict[str, Any]:
        """The saved JSON of one revision.

        Raises:
            StateUnreadable: There is none, or it cannot be read.
        """
        row = SavedState.objects.filter(run_id=run_id, revision=revision).first()
        if row is None:
            raise StateUnreadable(f"run {run_id} has no saved state of revision {revision}")
        try:
            state: dict[str, Any] = json.loads(zlib.decompress(bytes(row.body)))
        except (zlib.error, ValueError) as error:
            raise StateUnreadable(
                f"the saved state of run {run_id}, revision {revision}, is damaged: {error}"
            ) from error
        return state
