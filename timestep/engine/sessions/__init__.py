"""Sessions: described as JSON where a run is launched, opened where it is executed."""

from timestep.engine.sessions.errors import SessionCannotTravel, SessionNotOpened
from timestep.engine.sessions.kinds import close_session, open_session, settle, settle_session
from timestep.engine.sessions.own import TimestepSession

__all__ = [
    "SessionCannotTravel",
    "SessionNotOpened",
    "TimestepSession",
    "close_session",
    "open_session",
    "settle",
    "settle_session",
]
