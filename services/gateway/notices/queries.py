"""Notices are the notifications room's; the gateway shows them from its public view."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection


@dataclass(frozen=True)
class Notice:
    id: UUID
    event_id: UUID
    kind: str
    subject: UUID
    title: str
    text: str
    link: str
    action: str
    created_at: datetime


async def select_notices(
    conn: Connection, *, person_id: UUID, before: UUID | None, limit: int
) -> list[Notice]:
    rows = await conn.fetch(
        """SELECT id, event_id, kind, subject, title, text, link, action, created_at
             FROM notifications.public_notices
            WHERE person_id = $1 AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3""",
        person_id,
        before,
        limit + 1,
    )
    return [Notice(**dict(row)) for row in rows]
