from uuid import UUID

from services.gateway import passwords
from services.gateway.accounts import queries
from services.gateway.accounts.queries import Person
from services.gateway.profiles.queries import insert_profile
from services.gateway.tokens import new_token, token_hash
from shared import messaging
from shared.database import Connection
from shared.errors import Conflict, NotAllowed, Unauthenticated
from shared.events.origin import REAL, current
from shared.events.people import PersonJoined


async def new_password(password: str, *, email: str, name: str) -> str:
    """Return its hash. Takes its time, so nobody holds a connection meanwhile."""
    passwords.check_strength(password, email=email, name=name)
    return await passwords.hashed(password)


async def sign_up(
    conn: Connection, *, email: str, password_hash: str, name: str, locale: str
) -> tuple[Person, str]:
    """Return the person and the token of their first session."""
    if current().tenant != REAL:
        raise NotAllowed("A sandbox gets people by POST /v1/sandboxes/{tenant}/people.")
    async with conn.transaction():
        person = await queries.insert_person(
            conn, email=email, password_hash=password_hash, name=name, locale=locale
        )
        if person is None:
            raise Conflict("Somebody has signed up with this address. Sign in instead.")
        await insert_profile(conn, person.id)
        await messaging.record(conn, PersonJoined(person_id=person.id))
        return person, await begin_session(conn, person.id)


async def recognize(person: Person | None, password: str) -> Person:
    known = await passwords.matches(password, person.password_hash if person else None)
    if person is None or not known:
        raise Unauthenticated("This address and password do not belong together.")
    return person


async def begin_session(conn: Connection, person_id: UUID) -> str:
    token = new_token()
    await queries.insert_session(conn, token_hash=token_hash(token), person_id=person_id)
    return token
