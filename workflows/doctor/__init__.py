"""What `manage.py doctor` looks at. Reads only, and needs no worker."""
