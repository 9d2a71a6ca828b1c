from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from services.gateway.engagements import queries, rules
from services.gateway.engagements.moves import move
from services.gateway.engagements.queries import Engagement, Feedback
from services.gateway.lifecycles import Who
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import Conflict, NotFound

NEEDED_SIGNATURES = {"applicant", "employer"}


async def sign(
    conn: Connection,
    *,
    engagement_id: UUID,
    viewer: Viewer,
    agreement_hash: str,
    expected: int | None,
) -> Engagement:
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        who = _roles(viewer, engagement)
        moved = await move(conn, engagement, "sign", who)
        party = rules.party(who)
        rules.check_text(agreement_hash, engagement.agreement_hash)
        if not await queries.insert_signature(
            conn,
            engagement_id=engagement_id,
            party=party,
            person_id=viewer.id,
            text_hash=engagement.agreement_hash,
        ):
            raise _said_already(engagement, who, f"The {party} has signed already.")
        if {*engagement.signed, party} >= NEEDED_SIGNATURES:
            await move(conn, moved, "last_signature")
        return await _shown(conn, engagement_id, viewer)


async def check_in(
    conn: Connection,
    *,
    engagement_id: UUID,
    viewer: Viewer,
    mood: str,
    note: str,
    expected: int | None,
) -> Engagement:
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        who = _roles(viewer, engagement)
        await move(conn, engagement, "check_in", who)
        party = rules.party(who)
        await queries.insert_check_in(
            conn, engagement_id=engagement_id, party=party, mood=mood, note=note
        )
        return await _shown(conn, engagement_id, viewer)


async def give_feedback(
    conn: Connection,
    *,
    engagement_id: UUID,
    viewer: Viewer,
    rating: int,
    words: str,
    expected: int | None,
) -> Engagement:
    """Sealed until both parties have spoken; then the engagement is complete."""
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        who = _roles(viewer, engagement)
        moved = await move(conn, engagement, "feedback", who)
        party = rules.party(who)
        if not await queries.insert_feedback(
            conn,
            engagement_id=engagement_id,
            party=party,
            author_id=viewer.id,
            rating=rating,
            words=words,
        ):
            raise _said_already(engagement, who, f"The {party} has given feedback already.")
        if {*engagement.feedback, party} == {"applicant", "employer"}:
            await move(conn, moved, "feedback_done")
        return await _shown(conn, engagement_id, viewer)


async def command(
    conn: Connection,
    *,
    engagement_id: UUID,
    command: str,
    viewer: Viewer,
    reason: str | None,
    expected: int | None,
) -> Engagement:
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        await move(conn, engagement, command, _roles(viewer, engagement), reason=reason)
        return await _shown(conn, engagement_id, viewer)


async def read_feedback(conn: Connection, *, engagement_id: UUID, viewer: Viewer) -> list[Feedback]:
    engagement = await _shown(conn, engagement_id, viewer)
    if engagement.state not in rules.REVEALED:
        raise Conflict("Feedback is sealed until both sides have spoken.", state=engagement.state)
    return await queries.select_feedback(conn, engagement_id)


@asynccontextmanager
async def _locked(
    conn: Connection, engagement_id: UUID, viewer: Viewer, expected: int | None
) -> AsyncIterator[Engagement]:
    async with conn.transaction():
        engagement = await queries.lock_engagement(
            conn, engagement_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if engagement is None:
            raise NotFound("No such engagement.")
        check_version(expected, engagement.version)
        yield engagement


async def _shown(conn: Connection, engagement_id: UUID, viewer: Viewer) -> Engagement:
    engagement = await queries.select_engagement(
        conn, engagement_id, viewer_id=viewer.id, sees_all=viewer.moderates
    )
    if engagement is None:
        raise NotFound("No such engagement.")
    return engagement


def _said_already(engagement: Engagement, who: frozenset[Who], detail: str) -> Conflict:
    return Conflict(detail, state=engagement.state, allowed=rules.allowed_in(engagement, who))


def _roles(viewer: Viewer, engagement: Engagement) -> frozenset[Who]:
    return viewer.roles(applicant=engagement.is_applicant, employer=engagement.is_employer)
