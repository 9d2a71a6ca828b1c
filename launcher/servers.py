import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from launcher import postgres, rabbitmq
from launcher.errors import Refused
from launcher.postgres import Postgres
from launcher.rabbitmq import RabbitMQ
from launcher.running import Run
from launcher.state import State
from launcher.supervisor import Program, Supervisor

# The first start of Erlang on a busy small machine was seen to take 25 s.
PATIENCE = 120.0


@dataclass
class Starter:
    """Brings the private servers up, each with what it needs, and keeps them so."""

    run: Run
    state: State
    supervisor: Supervisor
    group: asyncio.TaskGroup
    say: Callable[[str], None]

    async def postgres(self, *, hasty: bool = False) -> Postgres:
        server = await postgres.prepare(self.run.places, self.state, self.say, hasty=hasty)
        await self.bring_up(server.program())
        await postgres.create_database(server)
        self.say(f"PostgreSQL is ready on 127.0.0.1:{server.port}")
        return server

    async def prepare_rabbitmq(self, *, anew: bool = False) -> RabbitMQ:
        """Its address is known from here on, although it does not answer yet."""
        return await rabbitmq.prepare(self.run.places, self.state, self.say, anew=anew)

    async def rabbitmq_anew(self) -> RabbitMQ:
        server = await self.prepare_rabbitmq(anew=True)
        await self.start_rabbitmq(server)
        return server

    async def start_rabbitmq(self, server: RabbitMQ) -> None:
        for program in server.programs():
            await self.bring_up(program)
        self.say(f"RabbitMQ is ready on 127.0.0.1:{server.port}")

    async def bring_up(self, program: Program) -> None:
        await self.supervisor.start(program)
        self.group.create_task(self.supervisor.keep(program.name))
        if not await self.supervisor.wait_ready(program.name, patience=PATIENCE):
            lines = "\n".join(self.supervisor.last_lines(program.name))
            raise Refused(f"{program.name} does not become ready. Its last lines:\n{lines}")
