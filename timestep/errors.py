"""Every error that Timestep raises on purpose: one base class, one class per failure.

A message says what is wrong and what to do; `field` names the argument or form field at fault.
"""

from __future__ import annotations


class TimestepError(Exception):
    """Base of all errors raised by Timestep on purpose."""


class InvalidInput(TimestepError):
    """A value given by the caller cannot be used; nothing was changed.

    Args:
        field: The argument or form field at fault.
        message: What is wrong and how to mend it.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class DiskFull(TimestepError):
    """The database has no room for it; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "the disk is full: nothing was changed; make room on the disk of the database, "
            "then do it again"
        )


class NotConfigured(TimestepError):
    """`configure_dbos()` comes first."""


class NotLaunched(TimestepError):
    """`ensure_dbos_launched()` comes first."""


class RunFailed(TimestepError):
    """A run ended without a result.

    Args:
        run_id: The run.
        error: What the run keeps of it: `what`, `step`, `type`, `message`.
    """

    def __init__(self, run_id: str, error: dict[str, str]) -> None:
        super().__init__(f"run {run_id}: {error.get('what', '')}: {error.get('message', '')}")
        self.run_id = run_id
        self.error = error


class RunTimedOut(RunFailed):
    """A run used up its executing time."""


class RunCancelled(RunFailed):
    """Somebody cancelled a run."""


class ProgramStopped(TimestepError):
    """This program stopped executing (`cleanup_dbos()`) while it waited for a run."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run {run_id} has not ended, and this program executes no more: cleanup_dbos() was "
            "called; the run goes on elsewhere, or when the script is started again"
        )
        self.run_id = run_id


class RunNotFound(TimestepError):
    """No run has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"no run has the id {run_id!r}; `manage.py runs` lists them")
        self.run_id = run_id


class RunIdInUse(TimestepError):
    """The run id belongs to a run with another agent or input."""

    def __init__(self, run_id: str, differs: str) -> None:
        super().__init__(
            f"run id {run_id!r} is in use by a run with another {differs}; "
            "choose another id, or repeat the first launch exactly"
        )
        self.run_id = run_id
        self.differs = differs


class DuplicateRun(TimestepError):
    """A run with the same deduplication id is queued, running or awaiting approval."""

    def __init__(self, dedup_id: str, run_id: str) -> None:
        super().__init__(
            f"deduplication id {dedup_id!r} is held by run {run_id}, which has not ended; "
            "wait for it or cancel it"
        )
        self.dedup_id = dedup_id
        self.run_id = run_id


class WrongStatus(TimestepError):
    """The run's status does not allow what was asked."""

    def __init__(self, run_id: str, status: str, act: str, allowed: str) -> None:
        super().__init__(f"run {run_id} is {status} and cannot be {act}; only {allowed} runs can")
        self.run_id = run_id
        self.status = status


class RetryHindered(TimestepError):
    """No retry of the run could end otherwise; the message says why, and what helps."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(f"run {run_id} cannot be retried. {why}.")
        self.run_id = run_id
        self.why = why


class AlreadyResumed(TimestepError):
    """This revision of the run was resumed already, with other decisions."""

    def __init__(self, run_id: str, revision: int) -> None:
        super().__init__(f"revision {revision} of run {run_id} was already resumed")
        self.run_id = run_id
        self.revision = revision


class QueueNotFound(TimestepError):
    """No queue has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no queue has the name {name!r}; create it first")
        self.name = name


class QueueInUse(TimestepError):
    """A queue cannot be deleted while something needs it."""

    def __init__(self, name: str, what: str, mend: str) -> None:
        super().__init__(f"queue {name!r} cannot be deleted: {what}; {mend}")
        self.name = name
        self.what = what
        self.mend = mend


class HoldNotFound(TimestepError):
    """No hold has this id."""

    def __init__(self, hold_id: object) -> None:
        super().__init__(f"there is no hold with the id {hold_id!r}")
        self.hold_id = hold_id


class WorkerNotFound(TimestepError):
    """No worker has this id."""

    def __init__(self, worker_id: str) -> None:
        super().__init__(f"no worker has the id {worker_id!r}")
        self.worker_id = worker_id


class ModelLimitNotFound(TimestepError):
    """No model limit has this pattern."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"there is no limit for {pattern!r}")
        self.pattern = pattern


class ScheduleNotFound(TimestepError):
    """No schedule has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no schedule has the name {name!r}")
        self.name = name


class MissingKey(TimestepError):
    """The model's provider needs a key that this process's environment does not hold."""

    def __init__(self, model: str, variable: str) -> None:
        super().__init__(
            f"model {model!r} needs a key: set {variable} in the environment of the workers"
        )
        self.model = model
        self.variable = variable


class SpecNotBuildable(TimestepError):
    """This process lacks something that the spec names, or has another version of it."""


class ToolModuleError(TimestepError):
    """A module of tools cannot be used: it does not import, or offers what is no tool."""

    def __init__(self, module: str, reason: str) -> None:
        super().__init__(f"tools module {module!r}: {reason}")
        self.module = module
        self.reason = reason


class DuplicateTool(TimestepError):
    """Two modules offer different tools of the same name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(f"tool {name!r} is offered by {first} and by {second}; rename one of them")
        self.name = name
