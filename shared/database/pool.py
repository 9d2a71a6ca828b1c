"""One pool per process. A room works as its own role, in its own schema, with a deadline on every
wait: `asyncio.wait_for` alone does not bound asyncpg on a half-open link."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from shared.events.origin import REAL, current

# Generic in the stubs, plain at run time.
if TYPE_CHECKING:
    OwnConnection = asyncpg.Connection[asyncpg.Record]
    Connection = OwnConnection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Database = asyncpg.Pool[asyncpg.Record]
else:
    OwnConnection = Connection = asyncpg.Connection
    Database = asyncpg.Pool

# It will come back; nobody's request or message is to blame.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
# These look the same but are our own mistakes: waiting would not mend them.
OUR_MISTAKE = (asyncpg.DataError, FileNotFoundError, PermissionError, IsADirectoryError)
CONNECT_SECONDS = 5
COMMAND_SECONDS = 10
CLOSE_SECONDS = 2
WRITTEN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def is_away(error: BaseException) -> bool:
    return isinstance(error, AWAY) and not isinstance(error, OUR_MISTAKE)


class Session(OwnConnection):
    """Given back as it was taken, unless it has entered a sandbox: to ask PostgreSQL for a reset each
    time would be one more statement for every request."""

    entered = False

    async def enter(self, tenant: str) -> None:
        self.entered = True
        await self.execute("SELECT set_config('sibol.tenant', $1, false)", tenant)

    def get_reset_query(self) -> str:
        return super().get_reset_query() if self.entered else ""


def role_of(room: str) -> str:
    return f"sibol_{room}"


@asynccontextmanager
async def connect(
    url: str, room: str, *, connections: int = 8, tenant: str = ""
) -> AsyncIterator[Database]:
    """Whoever acquires a connection for a sandbox sees its records alone, and else those of `tenant`;
    without one, everybody's."""
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=connections,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        init=prepare,
        setup=_enter_tenant,
        connection_class=Session,
        server_settings=session_settings(room, tenant),
    )
    try:
        yield pool
    finally:
        await _close(pool)


async def _close(pool: Database) -> None:
    """Whoever does not give back a connection in time loses it."""
    try:
        await asyncio.wait_for(pool.close(), CLOSE_SECONDS)
    except TimeoutError:
        pool.terminate()


def session_settings(room: str, tenant: str = "") -> dict[str, str]:
    return {
        "application_name": f"sibol-{room}",
        "role": role_of(room),
        "search_path": room,
        "sibol.tenant": tenant,
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "tcp_keepalives_idle": "10",
        "tcp_user_timeout": "10000",
    }


async def _enter_tenant(conn: Any) -> None:
    """Until it is given back."""
    tenant = current().tenant
    if tenant != REAL:
        await conn.enter(tenant)


async def prepare(conn: Any) -> None:
    """JSON columns are Python values on both sides."""
    for name in ("json", "jsonb"):
        await conn.set_type_codec(name, encoder=WRITTEN, decoder=json.loads, schema="pg_catalog")
