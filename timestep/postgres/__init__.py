"""Django's Postgres with what every connection of ours has; named as `ENGINE` in the settings."""

# A process that stands still inside a transaction keeps its rows from all others. Postgres ends it
# within the lease of a worker, so that nothing is locked any more when its runs are taken over.
IDLE_IN_TRANSACTION_SECONDS = 5.0
_LOCK_NOT_AVAILABLE = "55P03"


def is_locked(error: BaseException) -> bool:
    """Whether a statement failed because others held what it wanted for longer than it waits."""
    return getattr(error.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE
