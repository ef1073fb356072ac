"""What every command of ours is: somebody reads what it prints, so all of it is masked."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from timestep.masking import masked, masked_text


class Shown(str):
    """A text that is masked already, or that has to be exact: whoever makes one says why."""

    __slots__ = ()


class MaskedOutput(OutputWrapper):
    """Writes to a stream what may be shown."""

    def write(self, msg: str = "", *args: Any, **options: Any) -> None:  # type: ignore[override]
        """Write the text, masked unless it is `Shown`."""
        super().write(msg if isinstance(msg, Shown) else masked_text(str(msg)), *args, **options)


class SeenCommand(BaseCommand):
    """A command whose output and errors are masked, whatever it prints."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Django gives a command its outputs, here and once more as it executes: each masks."""
        if name in ("stdout", "stderr") and isinstance(value, OutputWrapper):
            masking = MaskedOutput(value._out)  # type: ignore[arg-type]
            masking.style_func = value.style_func
            value = masking
        super().__setattr__(name, value)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Execute; an error that is raised is masked, too."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            error.args = (masked_text(str(error)), *error.args[1:])
            raise

    def print_json(self, value: Any) -> None:
        """Print one JSON value, masked, and nothing else."""
        self.stdout.write(Shown(json.dumps(masked(value), ensure_ascii=True)))
