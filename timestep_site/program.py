"""Settings of a program that uses the library: the site's, but its logging is the program's own,
and it leaves it to workers to tell people, who have the mail server's address.
"""

from timestep_site.settings import *  # noqa: F403 - the same in all else
from timestep_site.settings import TIMESTEP_CLOCKS as _CLOCKS

LOGGING_CONFIG = None
TIMESTEP_CLOCKS = [clock for clock in _CLOCKS if not clock.endswith(".deliver_due")]
