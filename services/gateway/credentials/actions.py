from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from services.gateway.credentials import queries, rules
from services.gateway.credentials.moves import move
from services.gateway.credentials.queries import Credential
from services.gateway.lifecycles import Who
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotFound


async def attest(
    conn: Connection,
    *,
    credential_id: UUID,
    viewer: Viewer,
    skills: Sequence[str],
    expected: int | None,
) -> Credential:
    """The employer confirms the skills shown; the fact of completion cannot be struck."""
    async with _locked(conn, credential_id, viewer, expected) as credential:
        rules.check_attested(skills, credential.skills)
        await move(conn, credential, "attest", _roles(viewer, credential))
        await queries.update_attested(conn, credential_id=credential_id, skills=skills)
        return await _shown(conn, credential_id, viewer)


async def publish(
    conn: Connection,
    *,
    credential_id: UUID,
    viewer: Viewer,
    published: bool,
    expected: int | None,
) -> Credential:
    async with _locked(conn, credential_id, viewer, expected) as credential:
        await move(conn, credential, "publish", _roles(viewer, credential))
        await queries.update_published(conn, credential_id=credential_id, published=published)
        return await _shown(conn, credential_id, viewer)


async def command(
    conn: Connection,
    *,
    credential_id: UUID,
    command: str,
    viewer: Viewer,
    reason: str | None,
    expected: int | None,
) -> Credential:
    async with _locked(conn, credential_id, viewer, expected) as credential:
        await move(conn, credential, command, _roles(viewer, credential), reason=reason)
        return await _shown(conn, credential_id, viewer)


@asynccontextmanager
async def _locked(
    conn: Connection, credential_id: UUID, viewer: Viewer, expected: int | None
) -> AsyncIterator[Credential]:
    async with conn.transaction():
        credential = await queries.lock_credential(
            conn, credential_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if credential is None:
            raise NotFound("No such credential.")
        check_version(expected, credential.version)
        yield credential


async def _shown(conn: Connection, credential_id: UUID, viewer: Viewer) -> Credential:
    credential = await queries.select_credential(
        conn, credential_id, viewer_id=viewer.id, sees_all=viewer.moderates
    )
    assert credential is not None
    return credential


def _roles(viewer: Viewer, credential: Credential) -> frozenset[Who]:
    return viewer.roles(applicant=credential.is_applicant, employer=credential.is_employer)
