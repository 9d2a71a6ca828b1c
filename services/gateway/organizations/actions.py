from uuid import UUID

from services.gateway.accounts.queries import select_person_by_email
from services.gateway.organizations import queries
from services.gateway.organizations.queries import Member, Organization
from shared import messaging
from shared.database import Connection
from shared.errors import Conflict, NotAllowed, NotFound
from shared.events.people import OrganizationMemberAdded, OrganizationRegistered


async def register(
    conn: Connection,
    *,
    founder_id: UUID,
    name: str,
    kind: str,
    about: str,
    industry: str,
    region: str,
    city: str,
    website: str | None,
) -> Organization:
    async with conn.transaction():
        organization = await queries.insert_organization(
            conn,
            name=name,
            kind=kind,
            about=about,
            industry=industry,
            region=region,
            city=city,
            website=website,
        )
        await queries.insert_member(
            conn, organization_id=organization.id, person_id=founder_id, role="owner"
        )
        await messaging.record(conn, OrganizationRegistered(organization_id=organization.id))
    return organization


async def add_member(
    conn: Connection, *, organization_id: UUID, viewer_id: UUID, email: str
) -> list[Member]:
    async with conn.transaction():
        await queries.lock_organization(conn, organization_id)
        role = await queries.select_role(conn, organization_id=organization_id, person_id=viewer_id)
        if role is None:
            raise NotFound("No such organization of yours.")
        if role != "owner":
            raise NotAllowed("Only an owner may add members.")
        person = await select_person_by_email(conn, email)
        if person is None:
            raise NotFound("Nobody has signed up with this address yet. Ask them to sign up first.")
        if not await queries.insert_member(
            conn, organization_id=organization_id, person_id=person.id, role="member"
        ):
            raise Conflict("This person is a member already.")
        await messaging.record(
            conn, OrganizationMemberAdded(organization_id=organization_id, person_id=person.id)
        )
    return await queries.select_members(conn, organization_id=organization_id, viewer_id=viewer_id)
