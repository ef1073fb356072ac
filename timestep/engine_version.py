"""The engine version: our constant for what replay depends on.

It names the order and the names of a segment's steps. Changing either is a new version, with a
replay test over recorded runs. A worker begins runs of its own version and of older ones, which
then are of its own; of those that were begun it takes over what it can replay. What no worker
can take waits, and says so.
"""

from __future__ import annotations

ENGINE_VERSION = 1
# The versions whose recorded steps this engine replays as they were made; its own among them. A
# version that changes no step of what the one before it could do adds itself here.
REPLAYED_VERSIONS = frozenset({ENGINE_VERSION})
