"""Django's SQLite backend, with what a file needs that DBOS writes into as well."""
