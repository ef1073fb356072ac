"""The code behind the names that `timestep` exports; import them from `timestep`."""
