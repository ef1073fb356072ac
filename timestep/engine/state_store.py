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
            # In ASCII: a tool may have put half a character into the context.
            body=zlib.compress(json.dumps(state).encode("ascii")),
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
            return _object(json.loads(zlib.decompress(bytes(row.body))))
        except (zlib.error, ValueError) as error:
            raise StateUnreadable(
                f"the saved state of run {run_id}, revision {revision}, is damaged: {error}"
            ) from error


def _object(state: Any) -> dict[str, Any]:
    if not isinstance(state, dict):
        raise ValueError("it is no JSON object")
    return state
