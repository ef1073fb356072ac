"""What pages, commands and the admin read. Nothing here writes."""
