"""Deleting a queue, where agents are known too."""

from __future__ import annotations

from timestep.errors import QueueInUse
from timestep.services import queues
from timestep.services.audit import Actor
from workflows.models import AgentDefinition


def delete_queue(name: str, *, by: Actor) -> None:
    """Delete a queue that holds no work, and that no schedule and no agent names.

    Args:
        name: The queue.
        by: Who deletes it.

    Raises:
        QueueNotFound: There is no such queue.
        QueueInUse: Something needs it; the message says what, and what to do instead.
    """
    definition = AgentDefinition.objects.filter(default_queue=name).order_by("slug").first()
    if definition is not None:
        raise QueueInUse(
            name,
            f"agent {definition.slug} launches into it",
            "give the agent another queue first",
        )
    queues.delete(name, by=by)
