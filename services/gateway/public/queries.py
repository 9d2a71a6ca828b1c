"""What the credentialing room has signed; the gateway serves its exact bytes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Connection


@dataclass(frozen=True)
class PublicAchievement:
    document: bytes
    image: str


async def select_badge(conn: Connection, credential_id: UUID) -> bytes | None:
    """None until it is signed, and when its holder did not want it."""
    document: bytes | None = await conn.fetchval(
        """SELECT document FROM credentialing.public_badges
             JOIN gateway.credentials ON credentials.id = credential_id
            WHERE credential_id = $1 AND state <> 'refused'""",
        credential_id,
    )
    return document


async def select_status_list(conn: Connection, list_id: str) -> bytes | None:
    document: bytes | None = await conn.fetchval(
        "SELECT document FROM credentialing.public_status_lists WHERE id::text = $1", list_id
    )
    return document


async def select_did_document(conn: Connection) -> dict[str, Any] | None:
    document: dict[str, Any] | None = await conn.fetchval(
        "SELECT did_document FROM credentialing.public_issuer"
    )
    return document


async def select_achievement(
    conn: Connection, *, slug: str, version: int, language: str
) -> PublicAchievement | None:
    row = await conn.fetchrow(
        """SELECT document, image FROM credentialing.public_achievements
            WHERE slug = $1 AND version = $2 AND language = $3""",
        slug,
        version,
        language,
    )
    return PublicAchievement(**dict(row)) if row else None
