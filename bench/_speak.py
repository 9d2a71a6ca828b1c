"""A gateway that only speaks: so many commits a second, each with one event, beside the relay that it has in
its process; and the consumer that notes when each effect was committed.

    python -m bench._speak say RATE SECONDS FILE
    python -m bench._speak hear FILE

Both write the moments, by application, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from bench import _job, _ours
from shared import messaging
from shared.database import Connection, Database
from shared.events.applications import ApplicationSubmitted
from shared.ids import new_id
from shared.messaging import Consumer, Relay, on_many
from shared.worker import run_until_stopped, start

Moments = dict[str, int]


def write(path: Path, moments: Moments) -> None:
    path.write_text(json.dumps(moments), "ascii")


async def say(rate: float, seconds: float, path: Path) -> None:
    """The moment is that of the commit's answer."""
    moments: Moments = {}
    async with _ours.a_room(_ours.SPEAKING) as database:
        relay = Relay(database, _job.amqp_url(), _ours.SPEAKING)

        async def speak(_: asyncio.Event) -> None:
            await asyncio.sleep(1)
            await at_rate(database, relay, moments, rate=rate, seconds=seconds)
            write(path, moments)
            await asyncio.sleep(2)

        await run_until_stopped(relay.run, speak)


async def at_rate(
    database: Database, relay: Relay, moments: Moments, *, rate: float, seconds: float
) -> None:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for place in range(int(rate * seconds)):
            wait = started + place / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(database, relay, moments))


async def one(database: Database, relay: Relay, moments: Moments) -> None:
    event = ApplicationSubmitted(
        application_id=new_id(),
        project_id=new_id(),
        organization_id=new_id(),
        applicant_id=new_id(),
        state="submitted",
    )
    async with database.acquire() as conn:
        async with conn.transaction():
            await messaging.record(conn, event)
        moments[str(event.application_id)] = time.time_ns()
        relay.wake()


async def hear(path: Path) -> None:
    moments: Moments = {}
    in_hand: list[UUID] = []

    async def store(conn: Connection, events: Sequence[ApplicationSubmitted]) -> None:
        await _ours.store_many(conn, events)
        in_hand.extend(event.application_id for event in events)

    def committed() -> None:
        now = time.time_ns()
        moments.update((str(application_id), now) for application_id in in_hand)
        in_hand.clear()

    async with _ours.a_room(_ours.LISTENING) as database:
        consumer = Consumer(
            _ours.LISTENING,
            [on_many(ApplicationSubmitted, store)],
            database,
            _job.amqp_url(),
            after_commit=committed,
        )
        await run_until_stopped(consumer.run)
    write(path, moments)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["say", rate, seconds, where]:
            start(say(float(rate), float(seconds), Path(where)))
        case ["hear", where]:
            start(hear(Path(where)))
