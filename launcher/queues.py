"""`./sibol queues`: what waits where, and what an operator should look at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from launcher.errors import Refused
from launcher.rooms import ROOMS, Servers
from shared.database import AWAY, connect
from shared.messaging import queues
from shared.messaging.progress import LATE_SECONDS, Progress
from shared.messaging.queues import Depth
from shared.messaging.topology import BROKER_AWAY, UNROUTED, dead_queue_of, queue_of

MANY = 10_000


@dataclass(frozen=True)
class Work:
    """Of one room: what it has yet to handle, and what it has yet to publish."""

    oldest_seconds: float
    outbox: int


async def look(servers: Servers) -> tuple[Table, list[str]]:
    """All that there is, and what somebody should look at."""
    try:
        depths = await queues.measure(servers.amqp_url, queues.every_name(ROOMS))
        works = {room: await _work(servers.database_url, room) for room in ROOMS}
    except (*BROKER_AWAY, *AWAY) as error:
        raise Refused(
            f"A server does not answer: {type(error).__name__}. See ./sibol status."
        ) from error
    return _table(depths, works), advice(depths, works)


async def _work(database_url: str, room: str) -> Work:
    async with connect(database_url, room, connections=1) as database:
        waiting = await database.fetchval(
            "SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS few", MANY
        )
        return Work(await Progress(database, room).measure(), waiting)


def _table(depths: Mapping[str, Depth], works: Mapping[str, Work]) -> Table:
    shown = Table("queue", "ready", "consumers", "oldest unhandled", "outbox")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name in queues.every_name(ROOMS):
        room = next((room for room in ROOMS if name == queue_of(room)), None)
        shown.add_row(*_row(name, depths.get(name), works.get(room or "")))
    return shown


def _row(name: str, depth: Depth | None, work: Work | None) -> Iterable[Text]:
    counted = (f"{depth.ready:,}", str(depth.consumers)) if depth else ("not there", "-")
    oldest = _age(work.oldest_seconds) if work else ""
    return map(Text, (name, *counted, oldest, _many(work.outbox) if work else ""))


def _age(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds))) if seconds else "-"


def _many(count: int) -> str:
    return f"{MANY:,} or more" if count >= MANY else f"{count:,}"


def advice(depths: Mapping[str, Depth], works: Mapping[str, Work]) -> list[str]:
    found = [line for room in ROOMS for line in _about(room, depths, works[room])]
    unrouted = depths.get(UNROUTED)
    if unrouted and unrouted.ready:
        found.append(
            f"{unrouted.ready:,} events that no room heard: ./sibol dead list unrouted. "
            "Is a room's migrate missing?"
        )
    return found


def _about(room: str, depths: Mapping[str, Depth], work: Work) -> Iterable[str]:
    queue, dead = depths.get(queue_of(room)), depths.get(dead_queue_of(room))
    if queue is None:
        yield f"{room}: has no queue. Run ./sibol migrate."
    elif not queue.consumers:
        yield f"{room}: nobody takes from its queue. Is it running? ./sibol status"
    if dead and dead.ready:
        yield f"{room}: {dead.ready:,} in the dead queue: ./sibol dead list {room}"
    if work.oldest_seconds > LATE_SECONDS:
        yield (
            f"{room}: an event has waited for {_age(work.oldest_seconds)}. Look again in a minute: "
            f"if it has grown, ./sibol logs {room}"
        )
    if work.outbox >= MANY:
        yield f"{room}: events wait to be published. Does RabbitMQ answer? ./sibol status"
