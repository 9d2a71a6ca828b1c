from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.gateway.accounts.actions import begin_session
from services.gateway.accounts.queries import add_duty, insert_person
from services.gateway.organizations.actions import register
from services.gateway.profiles.actions import change_profile
from services.gateway.profiles.queries import insert_profile
from services.gateway.sandboxes import cast, queries, rules
from services.gateway.sandboxes.cast import Part, Role
from services.gateway.sandboxes.queries import Inhabitant, Sandbox
from services.gateway.sandboxes.tenants import working_for
from services.gateway.viewer import Viewer
from shared import clock, messaging
from shared.database import Connection
from shared.errors import NotFound
from shared.events.people import PersonJoined
from shared.ids import new_id

# Nobody signs in with a password here: no text has this hash.
NO_PASSWORD = ""
DUTIES = frozenset({Role.MODERATOR, Role.SCHOOL})


@dataclass(frozen=True)
class Newcomer:
    inhabitant: Inhabitant
    token: str


async def make(conn: Connection, *, viewer: Viewer, name: str) -> tuple[Sandbox, list[Newcomer]]:
    async with conn.transaction():
        owned = await queries.count_owned(conn, viewer.id)
        rules.check_may_make(tenant=viewer.tenant, owned=owned)
        sandbox = await queries.insert_sandbox(
            conn, tenant=f"sandbox-{new_id()}", owner_id=viewer.id, name=name, now=clock.now()
        )
        return sandbox, await _welcome(conn, sandbox, cast.FIRST)


async def add_people(
    conn: Connection, *, tenant: str, viewer: Viewer, role: Role, locale: str, count: int
) -> list[Newcomer]:
    async with conn.transaction():
        sandbox = owned(await queries.lock_sandbox(conn, tenant), viewer)
        rules.check_room(
            people=await queries.count_inhabitants(conn, tenant), more=count, first=len(cast.FIRST)
        )
        return await _welcome(conn, sandbox, cast.more(role, locale, count))


def owned(sandbox: Sandbox | None, viewer: Viewer) -> Sandbox:
    if sandbox is None or sandbox.owner_id != viewer.id:
        raise NotFound("No such sandbox of yours.")
    return sandbox


async def of_viewer(conn: Connection, *, tenant: str | None, viewer: Viewer) -> Sandbox:
    """The one that the viewer lives in, or the named one of the viewer's own."""
    sandbox = await queries.select_sandbox(conn, tenant or viewer.tenant)
    if sandbox is not None and sandbox.tenant == viewer.tenant:
        return sandbox
    return owned(sandbox, viewer)


async def _welcome(conn: Connection, sandbox: Sandbox, parts: Sequence[Part]) -> list[Newcomer]:
    async with working_for(conn, sandbox.tenant, sandbox.ahead):
        return [await _join(conn, part) for part in parts]


async def _join(conn: Connection, part: Part) -> Newcomer:
    email = f"{new_id().hex}@sandbox.example"
    person = await insert_person(
        conn, email=email, password_hash=NO_PASSWORD, name=part.name, locale=part.locale
    )
    assert person is not None, "A new address is nobody else's."
    await insert_profile(conn, person.id)
    await messaging.record(conn, PersonJoined(person_id=person.id))
    if part.role in DUTIES:
        await add_duty(conn, email=email, duty=part.role)
    organization_id = await _equip(conn, part, person.id)
    inhabitant = Inhabitant(person.id, part.role, part.name, email, part.locale, organization_id)
    return Newcomer(inhabitant, await begin_session(conn, person.id))


async def _equip(conn: Connection, part: Part, person_id: UUID) -> UUID | None:
    match part.role:
        case Role.APPLICANT:
            facts, levels = cast.PROFILES[part.locale]
            await change_profile(
                conn, person_id=person_id, facts=facts, levels=levels, expected=None
            )
            return None
        case Role.EMPLOYER | Role.SCHOOL:
            return await _register(conn, part, person_id)
        case Role.MODERATOR:
            return None


async def _register(conn: Connection, part: Part, person_id: UUID) -> UUID:
    name, about = cast.ORGANIZATIONS[part.role, part.locale]
    organization = await register(
        conn,
        founder_id=person_id,
        name=name,
        kind=part.role,
        about=about,
        industry="education" if part.role is Role.SCHOOL else "food",
        region="ncr",
        city="Quezon City",
        website=None,
    )
    return organization.id
