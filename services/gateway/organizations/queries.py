from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Organization:
    id: UUID
    name: str
    kind: str
    about: str
    industry: str
    region: str
    city: str
    website: str | None
    version: int
    registered_at: datetime


@dataclass(frozen=True)
class Member:
    person_id: UUID
    name: str
    role: str
    joined_at: datetime


async def insert_organization(
    conn: Connection,
    *,
    name: str,
    kind: str,
    about: str,
    industry: str,
    region: str,
    city: str,
    website: str | None,
) -> Organization:
    row = await conn.fetchrow(
        """INSERT INTO gateway.organizations
                       (id, name, kind, about, industry, region, city, website, registered_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             RETURNING id, name, kind, about, industry, region, city, website, version,
                       registered_at""",
        new_id(),
        name,
        kind,
        about,
        industry,
        region,
        city,
        website,
        clock.now(),
    )
    assert row is not None
    return Organization(**dict(row))


async def select_organization(conn: Connection, organization_id: UUID) -> Organization | None:
    row = await conn.fetchrow(
        """SELECT id, name, kind, about, industry, region, city, website, version, registered_at
             FROM gateway.organizations WHERE id = $1""",
        organization_id,
    )
    return Organization(**dict(row)) if row else None


async def lock_organization(conn: Connection, organization_id: UUID) -> None:
    """Its events are numbered one after the other."""
    await conn.execute(
        "SELECT FROM gateway.organizations WHERE id = $1 FOR NO KEY UPDATE", organization_id
    )


async def select_organizations_of(conn: Connection, person_id: UUID) -> list[Organization]:
    rows = await conn.fetch(
        """SELECT id, name, kind, about, industry, region, city, website, version, registered_at
             FROM gateway.organizations
             JOIN gateway.members ON members.organization_id = organizations.id
            WHERE members.person_id = $1
            ORDER BY id LIMIT 100""",
        person_id,
    )
    return [Organization(**dict(row)) for row in rows]


async def insert_member(
    conn: Connection, *, organization_id: UUID, person_id: UUID, role: str
) -> bool:
    """Return False when this person is a member already."""
    added = await conn.fetchval(
        """INSERT INTO gateway.members (organization_id, person_id, role, joined_at)
                VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING
             RETURNING true""",
        organization_id,
        person_id,
        role,
        clock.now(),
    )
    return bool(added)


async def select_role(conn: Connection, *, organization_id: UUID, person_id: UUID) -> str | None:
    role: str | None = await conn.fetchval(
        "SELECT role FROM gateway.members WHERE organization_id = $1 AND person_id = $2",
        organization_id,
        person_id,
    )
    return role


async def select_members(
    conn: Connection, *, organization_id: UUID, viewer_id: UUID
) -> list[Member]:
    """Empty for whoever is not a member."""
    rows = await conn.fetch(
        """SELECT people.id AS person_id, people.name, members.role, members.joined_at
             FROM gateway.members JOIN gateway.people ON people.id = members.person_id
            WHERE members.organization_id = $1
              AND EXISTS (SELECT FROM gateway.members AS own
                           WHERE own.organization_id = $1 AND own.person_id = $2)
            ORDER BY members.joined_at LIMIT 100""",
        organization_id,
        viewer_id,
    )
    return [Member(**dict(row)) for row in rows]
