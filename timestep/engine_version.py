"""The engine version: our constant for what replay depends on.

It names the order and the names of a segment's steps. Changing either is a new version, with a
replay test over recorded runs; a worker executes only runs of its own version.
"""

from __future__ import annotations

ENGINE_VERSION = 1
