from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared import clock
from shared.database import Connection


@dataclass(frozen=True)
class File:
    id: UUID
    owner_id: UUID
    name: str
    media_type: str
    size: int
    sha256: bytes
    uploaded_at: datetime


async def insert_file(
    conn: Connection,
    *,
    file_id: UUID,
    owner_id: UUID,
    name: str,
    media_type: str,
    size: int,
    sha256: bytes,
) -> File:
    row = await conn.fetchrow(
        """INSERT INTO gateway.files (id, owner_id, name, media_type, size, sha256, uploaded_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
             RETURNING id, owner_id, name, media_type, size, sha256, uploaded_at""",
        file_id,
        owner_id,
        name,
        media_type,
        size,
        sha256,
        clock.now(),
    )
    assert row is not None
    return File(**dict(row))


async def select_file(conn: Connection, file_id: UUID, *, viewer_id: UUID) -> File | None:
    """For its owner, and for both sides of an engagement it was handed in for."""
    row = await conn.fetchrow(
        """SELECT id, owner_id, name, media_type, size, sha256, uploaded_at
             FROM gateway.files
            WHERE id = $1
              AND (owner_id = $2 OR EXISTS (
                   SELECT FROM gateway.deliverable_files AS part
                     JOIN gateway.milestones  ON milestones.id = part.milestone_id
                     JOIN gateway.engagements ON engagements.id = milestones.engagement_id
                     JOIN gateway.members     ON members.organization_id = engagements.organization_id
                    WHERE part.file_id = files.id AND members.person_id = $2))""",
        file_id,
        viewer_id,
    )
    return File(**dict(row)) if row else None
