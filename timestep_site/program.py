"""Settings of a program that uses the library: the site's, but its logging is the program's own."""

from timestep_site.settings import *  # noqa: F403 - the same in all else

LOGGING_CONFIG = None
