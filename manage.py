#!/usr/bin/env python3
"""Django's command line, with the settings of the site."""

from __future__ import annotations

from timestep_site.command import main

if __name__ == "__main__":
    main()
