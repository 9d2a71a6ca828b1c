"""Work for one tenant, at its time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from shared import clock
from shared.database import Connection
from shared.events.origin import current, within


def real_now() -> datetime:
    return clock.now() - current().ahead


@contextmanager
def at_time_of(tenant: str, ahead: timedelta) -> Iterator[None]:
    """What is said and written in here is the tenant's, at its time."""
    before = current()
    with (
        within(replace(before, tenant=tenant, ahead=ahead)),
        clock.advanced(ahead - before.ahead),
    ):
        yield


@asynccontextmanager
async def working_for(conn: Connection, tenant: str, ahead: timedelta) -> AsyncIterator[None]:
    """In a transaction: its connection, too, finds and makes the tenant's records alone."""
    before = current().tenant
    with at_time_of(tenant, ahead):
        await _enter(conn, tenant)
        yield
    await _enter(conn, before)


async def _enter(conn: Connection, tenant: str) -> None:
    """Until the transaction ends, which also undoes it when something failed."""
    await conn.execute("SELECT set_config('sibol.tenant', $1, true)", tenant)
