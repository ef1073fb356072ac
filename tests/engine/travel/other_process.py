"""Run by tests as a process of its own: reads a spec, builds it, says how it is described.

python -m tests.engine.travel.other_process < SPEC
"""

from __future__ import annotations

import json
import sys

from tests.engine.travel.equality import differences
from timestep.digests import canonical_json
from timestep.engine.travel import build, build_run_config, describe, missing_here


def main() -> None:
    """Print what this process found."""
    spec = json.load(sys.stdin)
    missing = missing_here(spec)
    agent, config = build(spec), build_run_config(spec)
    before = "tests.engine.travel.everything" in sys.modules
    from tests.engine.travel import everything  # noqa: PLC0415 - only after building without it

    found = {
        "missing": missing,
        "imported_before": before,
        "built": canonical_json(describe(agent, run_config=config)),
        "own": canonical_json(describe(everything.everything(), run_config=everything.config())),
        "differences": differences(agent, everything.everything())
        + differences(config, everything.config()),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
