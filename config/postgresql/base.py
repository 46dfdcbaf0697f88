"""Django's PostgreSQL backend, with a pool that is well again as soon as its server is.

After a restart of PostgreSQL every idle connection of a process is dead. The pool's own check finds them one by one,
as they are asked for, with growing pauses between: with eleven of them dead a process refused requests for 20 s to
minutes (measured by `tests/faults`). Here the first that is found dead has the others looked at too, at once.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool, PoolTimeout

PAUSE = 0.02  # seconds: a server that takes connections and answers none is not hammered


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that answers; PoolTimeout when there is none within the pool's time."""
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        if pool is None:
            return connection
        until = time.monotonic() + pool.timeout
        while not _answers(connection):
            connection.close()  # on our side too: what fails the check may still be open at the server
            pool.putconn(connection)  # which replaces it, as `check` does with the others
            if time.monotonic() >= until:
                raise PoolTimeout("no connection of the pool answers")
            pool.check()
            time.sleep(PAUSE)
            connection = super().get_new_connection(conn_params)
        return connection


def _answers(connection: psycopg.Connection[Any]) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
