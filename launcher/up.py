"""`./sibol up`: servers, migrations, rooms, demo, in this order and as much at once as the order allows."""

import asyncio
import contextlib
import importlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from rich.markup import escape

from launcher import marks, migrating, rooms
from launcher.console import Clock, show
from launcher.errors import Refused
from launcher.places import Places
from launcher.rabbitmq import USER, RabbitMQ
from launcher.readiness import is_ready
from launcher.rooms import House, Servers
from launcher.running import Run, run_in
from launcher.servers import Starter
from launcher.state import State, first_free
from launcher.supervisor import Supervisor

DEMO = "demo"
Then = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Wishes:
    scale: dict[str, int] = field(default_factory=dict)
    port: int = 8080
    demo: bool | None = None
    """None: only into a private database, never unasked into one of the person's own."""


class Up:
    def __init__(self, current: Run, wishes: Wishes) -> None:
        self._run = current
        self._wishes = wishes
        self._state = State(current.places.state)
        self._clock = Clock()
        self._broker: RabbitMQ | None = None
        self.supervisor = Supervisor(current, self._clock.say)

    async def live(self, then: Then | None = None) -> None:
        """Bring everything up; then stay until cancelled, or until `then` is done."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.watch_house())
            house = await self._bring_up(group)
            if then is None:
                await asyncio.Event().wait()
            else:
                await then(house.api_url)
            raise Done

    async def stop(self) -> None:
        if not self._run.record.entries:
            return
        self._clock.say("stopping: rooms, then RabbitMQ, then PostgreSQL")
        await self.supervisor.stop()
        self._clock.say("stopped")

    async def _bring_up(self, group: asyncio.TaskGroup) -> House:
        starter = Starter(self._run, self._state, self.supervisor, group, self._clock.say)
        async with asyncio.TaskGroup() as together:
            database = together.create_task(self._database_url(starter))
            amqp = together.create_task(self._amqp_url(starter))
        servers = Servers(database.result(), amqp.result(), broker=self._broker_identity())
        house = self._house(servers)
        answering = group.create_task(self._broker_answers(starter))
        # The rooms wait for the broker themselves; only the migrations need it at once.
        if await migrating.is_needed(servers):
            await answering
            await migrating.migrate(house, self._clock.say)
        not_ready = await self._rooms(group, house)
        self._tell_ready(not_ready)
        await self._demo(house, not_ready)
        await self._announce(house)
        return house

    async def _database_url(self, starter: Starter) -> str:
        return await own_server("SIBOL_DATABASE_URL") or (await starter.postgres()).url

    async def _amqp_url(self, starter: Starter) -> str:
        if url := await own_server("SIBOL_AMQP_URL"):
            return url
        self._broker = await starter.prepare_rabbitmq()
        return self._broker.url

    async def _broker_answers(self, starter: Starter) -> None:
        if self._broker is not None:
            await starter.start_rabbitmq(self._broker)

    def _broker_identity(self) -> str:
        return self._broker.identity if self._broker else os.environ["SIBOL_AMQP_URL"]

    def _house(self, servers: Servers) -> House:
        port = first_free(self._wishes.port)
        if port != self._wishes.port:
            self._clock.say(f"[yellow]port {self._wishes.port} is taken; the API gets {port}[/]")
        return House(
            places=self._run.places,
            servers=servers,
            api_port=port,
            smtp_port=self._state.port("mail-smtp"),
            mails_port=self._state.port("mail-pages"),
        )

    async def _rooms(self, group: asyncio.TaskGroup, house: House) -> list[str]:
        """Start every room and return the names of those that are not ready."""
        programs = rooms.programs(house, self._state, self._wishes.scale)
        for program in programs:
            await self.supervisor.start(program)
            group.create_task(self.supervisor.keep(program.name))
        answers = await asyncio.gather(*(self.supervisor.wait_ready(p.name) for p in programs))
        return [program.name for program, ready in zip(programs, answers, strict=True) if not ready]

    async def _demo(self, house: House, not_ready: list[str]) -> None:
        wanted = self._wishes.demo
        if wanted is None:
            wanted = "SIBOL_DATABASE_URL" not in os.environ
        if wanted and not not_ready:
            await load_demo(house, self._clock.say)

    def _tell_ready(self, not_ready: list[str]) -> None:
        if not_ready:
            self._clock.say(
                f"[red]not ready: {', '.join(not_ready)}[/] (./sibol logs {not_ready[0]}); trying on"
            )
        else:
            self._clock.say(f"[green]every room is ready in {self._clock.seconds:.1f} s[/]")

    async def _announce(self, house: House) -> None:
        record = self._run.record
        record.addresses = addresses(house, self._broker)
        if password := await marks.read(house.servers.database_url, DEMO):
            record.addresses["Demo people"] = (
                f"launcher/demo/data/people.json; everybody's password: {password}"
            )
        record.servers = asdict(house.servers)
        self._run.save()
        show("", listed(record.addresses), "", sep="\n")
        self._clock.say("Ctrl-C stops everything.")


async def own_server(variable: str) -> str | None:
    """The address of a server of the person's own, which must answer."""
    url = os.environ.get(variable)
    if url and not await is_ready(url):
        parts = urlsplit(url)
        raise Refused(
            f"The server of {variable} does not answer, or refuses its user: "
            f"{parts.scheme}://{parts.hostname}:{parts.port or 'default port'}. "
            "Start it and check the address, or unset the variable to get a private server."
        )
    return url


class Done(Exception):
    """What there was to do is done; it ends the task group."""


def up(places: Places, wishes: Wishes, then: Then | None = None) -> None:
    with run_in(places) as current:
        asyncio.run(_up(current, wishes, then))


async def _up(current: Run, wishes: Wishes, then: Then | None) -> None:
    whole = Up(current, wishes)
    with stopping_on_signals(whole.supervisor.hurry.set):
        try:
            with unwrapped(Done, asyncio.CancelledError):
                await whole.live(then)
        finally:
            await whole.stop()


@contextlib.contextmanager
def unwrapped(*expected: type[BaseException]) -> Iterator[None]:
    """End quietly on what was expected; raise the first other error as itself."""
    try:
        yield
    except expected:
        return
    except BaseExceptionGroup as group:
        _, unexpected = group.split(expected)
        if unexpected is not None:
            raise _first(unexpected) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextlib.contextmanager
def stopping_on_signals(hurry: Callable[[], None]) -> Iterator[None]:
    """The first signal cancels the task at work, every later one makes the stop a hasty one."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    actions = iter([task.cancel])

    def act() -> None:
        next(actions, hurry)()

    # Who is started with nohup has asked to outlive the terminal.
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    numbers = [signal.SIGINT, signal.SIGTERM, *hang_up]
    for number in numbers:
        loop.add_signal_handler(number, act)
    yield
    for number in numbers:
        loop.remove_signal_handler(number)


async def load_demo(house: House, say: Callable[[str], None]) -> None:
    """Once per database; a failing demo is told and stops nothing."""
    if await marks.read(house.servers.database_url, DEMO):
        return
    say("loading the demo: people, employers and postings of all regions")
    # Imported late: what the demo needs would make every start slower.
    demo = importlib.import_module("launcher.demo")
    try:
        await demo.load(house.api_url, say)
    except Exception as error:
        # Sibol runs without it.
        say(f"[yellow]the demo could not be loaded: {escape(str(error))}[/]")
        return
    await marks.write(house.servers.database_url, DEMO, demo.PASSWORD)


async def play_demo(api_url: str) -> None:
    await importlib.import_module("launcher.demo").play(api_url)


async def play_demo_alone(api_url: str) -> None:
    await play_demo(api_url)
    show(
        "",
        "Started for this demo alone: after ./sibol up these addresses answer again.",
        "",
        sep="\n",
    )


def addresses(house: House, broker: RabbitMQ | None) -> dict[str, str]:
    found = {
        "API": house.api_url,
        "API reference": f"{house.api_url}/docs",
        "Mails sent": house.mails_url,
        "Metrics": f"{house.api_url}/metrics",
    }
    if broker is not None:
        found["RabbitMQ"] = f"{broker.management_url} (user {USER}, password {broker.password})"
    return found | {"Database": _shown(house.servers.database_url)}


def _shown(database_url: str) -> str:
    """The password is shown for a private server only."""
    if "SIBOL_DATABASE_URL" not in os.environ:
        return database_url
    parts = urlsplit(database_url)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"


def listed(rows: dict[str, str]) -> str:
    """One line each, never broken, so that every address can be clicked and copied."""
    width = max(len(name) for name in rows)
    return "\n".join(f"  {name:{width}}  {escape(address)}" for name, address in rows.items())
