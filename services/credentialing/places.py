"""A place in a status list for each badge: a random one, so that it says nothing of when or whose
the badge is."""

from random import SystemRandom

from services.credentialing import queries
from services.credentialing.facts import Place
from services.credentialing.status import PURPOSE
from shared.database import Connection

# So many random places are all taken only when nine in ten of a list are: it counts as full then,
# and nobody needs to keep a count, for which all would have to wait in line.
TRIES = 64


async def find(conn: Connection, size: int, *, sandbox: bool = False) -> Place:
    while True:
        newest, last = await queries.select_newest_lists(conn, sandbox=sandbox)
        if newest is not None:
            wanted = SystemRandom().sample(range(size), min(TRIES, size))
            index = await queries.select_free_place(conn, list_id=newest, wanted=wanted)
            if index is not None:
                return Place(newest, index)
        await queries.insert_list(conn, list_id=last + 1, purpose=PURPOSE, sandbox=sandbox)
