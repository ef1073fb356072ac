"""What DBOS makes of a database that is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbos._utils import retriable_postgres_exception
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from timestep.engine.runtime import wait_for_sockets


@pytest.mark.parametrize("where", ["socket", "port"])
def test_dbos_tries_again_where_postgres_does_not_listen(where: str, tmp_path: Path) -> None:
    wait_for_sockets()
    query = f"?host={tmp_path}" if where == "socket" else "?host=127.0.0.1&port=1"
    engine = create_engine(f"postgresql+psycopg:///nothing{query}")
    with pytest.raises(DBAPIError) as raised:
        engine.connect()
    assert retriable_postgres_exception(raised.value)


def test_a_wrong_statement_is_no_reason_to_try_again() -> None:
    wait_for_sockets()
    engine = create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert not raised.value.connection_invalidated
