"""For the peers whose workers are threads or forked processes: a connection for each."""

import threading

import psycopg

from bench import _job

_own = threading.local()


def _connection() -> psycopg.Connection:
    found = getattr(_own, "connection", None)
    if found is None:
        found = _own.connection = psycopg.connect(_job.database_url(), autocommit=True)
    return found


def store_one(fields: _job.Fields) -> None:
    _connection().execute(_job.STORE_ONE_PSYCOPG, _job.arguments(fields), prepare=True)
