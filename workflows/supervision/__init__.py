"""Starting Timestep's processes and keeping them up: what `manage.py up` and `manage.py web` do."""
