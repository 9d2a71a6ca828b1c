"""A PostgreSQL and a RabbitMQ of our own, that may be killed at any time."""

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import structlog

from launcher import postgres, rabbitmq
from launcher.commands import run as run_command
from launcher.places import ROOT
from launcher.postgres import Postgres
from launcher.processes import Identity, identify, kill_session
from launcher.rabbitmq import RabbitMQ
from launcher.readiness import until_ready
from launcher.record import Entry
from launcher.running import Run, log_file
from launcher.state import State
from launcher.supervisor import Program
from shared.database.migrate import ROOMS, migrate
from tests.support.broker import Broker
from tests.support.places import MIGRATIONS, with_database

PATIENCE = 120
DATABASES = "chaos_"
TEMPLATE = "chaos_template"


@dataclass
class Server:
    """One process that is started, killed and started again."""

    run: Run
    program: Program
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        path = log_file(self.run.places, self.program.name)
        with path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.program.command,
                cwd=ROOT,
                env={**os.environ, **self.program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        note(self.run, self.program.name, self.process.pid, self.program)

    async def start_until_ready(self) -> None:
        """A server that was killed may find what it left still in use, and end once more."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self.start()
                assert self.process is not None
                ready = asyncio.ensure_future(until_ready(self.program.ready))
                ended = asyncio.ensure_future(self.process.wait())
                await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                if ready.done():
                    return
                ready.cancel()
                await asyncio.sleep(0.2)

    async def kill(self) -> None:
        assert self.process is not None
        pid = self.process.pid
        children = list(children_of(pid))
        identity = identify(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        if identity is not None:
            kill_session(Identity(pid, identity.born))
        await self.process.wait()


def children_of(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if entry.name.isdigit() and int(fields[1]) == pid:
                yield int(entry.name)


def note(run: Run, name: str, pid: int, program: Program) -> None:
    """So that nothing outlives us, however we end."""
    identity = identify(pid)
    if identity is None:
        return
    run.put(
        Entry(
            name=name,
            pid=pid,
            born=identity.born,
            stage=program.stage,
            signal=program.signal,
            grace=program.grace,
            ready=program.ready,
            since=time.time(),
            restarts=0,
        )
    )


@dataclass
class Servers:
    postgres: Postgres
    rabbitmq: RabbitMQ
    database: Server
    epmd: Server
    broker: Server

    async def database_for(self, name: str) -> str:
        """A fresh copy of the migrated database."""
        wanted = f"{DATABASES}{name}_{uuid4().hex[:6]}"
        admin = await asyncpg.connect(self.postgres.maintenance_url)
        try:
            await admin.execute(f'CREATE DATABASE "{wanted}" TEMPLATE "{TEMPLATE}"')
        finally:
            await admin.close()
        return with_database(self.postgres.url, wanted)

    async def host_for(self, name: str) -> Broker:
        wanted = f"chaos-{name}-{uuid4().hex[:6]}"
        url = urlunsplit(urlsplit(self.rabbitmq.url)._replace(path=f"/{wanted}"))
        found = Broker(self.rabbitmq.api_url, wanted, url)
        await asyncio.to_thread(found.make)
        return found

    async def forget(self, database_url: str, broker: Broker) -> None:
        """What a run has left is of no use to the next."""
        admin = await asyncpg.connect(self.postgres.maintenance_url)
        try:
            name = urlsplit(database_url).path.lstrip("/")
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        finally:
            await admin.close()
        await asyncio.to_thread(broker.drop)

    async def control(self, expression: str) -> None:
        """Let the broker evaluate it, as `rabbitmqctl eval` does."""
        command = self.rabbitmq.files / "usr/lib/rabbitmq/bin/rabbitmqctl"
        environment = self.broker.program.environment
        await run_command(str(command), "eval", expression, environment=environment)


async def bring_up(run: Run, say: Callable[[str], None]) -> Servers:
    state = State(run.places.state)
    found = await postgres.prepare(run.places, state, say)
    broker = await rabbitmq.prepare(run.places, state, say, anew=True)
    epmd, node = broker.programs()
    database = Server(run, _hasty(found.program()))
    servers = Servers(found, broker, database, Server(run, epmd), Server(run, node))
    await servers.epmd.start_until_ready()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_start_broker(servers))
        tasks.create_task(_start_database(servers))
    say("servers are ready")
    return servers


def _hasty(program: Program) -> Program:
    """After a crash its files need no fsync one by one: the machine did not crash."""
    command = [*program.command, "-c", "recovery_init_sync_method=syncfs"]
    return replace(program, command=command)


async def _start_broker(servers: Servers) -> None:
    await servers.broker.start_until_ready()
    await until_ready(servers.rabbitmq.management_url)


async def _start_database(servers: Servers) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    await servers.database.start_until_ready()
    admin = await asyncpg.connect(servers.postgres.maintenance_url)
    try:
        left = await admin.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'chaos\\_%'")
        for row in left:
            await admin.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{TEMPLATE}"')
    finally:
        await admin.close()
    url = with_database(servers.postgres.url, TEMPLATE)
    for room in ROOMS:
        await migrate(url, room, MIGRATIONS[room])


def queue_path(host: str, queue: str) -> str:
    return f"/api/queues/{quote(host, safe='')}/{quote(queue, safe='')}"
