from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from services.gateway.lifecycles import Who
from services.gateway.milestones import queries, rules
from services.gateway.milestones.moves import move
from services.gateway.milestones.queries import Milestone
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotFound


async def submit(
    conn: Connection,
    *,
    milestone_id: UUID,
    viewer: Viewer,
    note: str,
    criteria_met: Sequence[int],
    file_ids: Sequence[UUID],
    expected: int | None,
) -> Milestone:
    async with _locked(conn, milestone_id, viewer, expected) as milestone:
        rules.check_criteria(criteria_met, count=len(milestone.criteria))
        who = _roles(viewer, milestone)
        number = 1 + len(milestone.deliveries)
        await move(conn, milestone, "submit", who, delivery=number)
        rules.check_underway(milestone.engagement_state)
        owned = await queries.count_own_files(conn, owner_id=viewer.id, file_ids=file_ids)
        if owned != len(set(file_ids)):
            raise NotFound("Not every file is one of yours. Upload with POST /v1/files first.")
        await queries.insert_deliverable(
            conn,
            milestone_id=milestone_id,
            note=note,
            criteria_met=criteria_met,
            file_ids=list(set(file_ids)),
        )
        return await _shown(conn, milestone_id, viewer)


async def review(
    conn: Connection,
    *,
    milestone_id: UUID,
    command: str,
    viewer: Viewer,
    review: str,
    criteria_unmet: Sequence[int],
    expected: int | None,
) -> Milestone:
    """Accept the work, or ask for changes against the criteria it does not meet."""
    async with _locked(conn, milestone_id, viewer, expected) as milestone:
        rules.check_criteria(criteria_unmet, count=len(milestone.criteria))
        await move(conn, milestone, command, _roles(viewer, milestone))
        if command == "request_changes":
            rules.check_rounds(milestone.state, milestone.rounds)
        await queries.update_review(
            conn, milestone_id=milestone_id, review=review, criteria_unmet=criteria_unmet
        )
        return await _shown(conn, milestone_id, viewer)


async def command(
    conn: Connection,
    *,
    milestone_id: UUID,
    command: str,
    viewer: Viewer,
    reason: str | None,
    expected: int | None,
) -> Milestone:
    async with _locked(conn, milestone_id, viewer, expected) as milestone:
        await move(conn, milestone, command, _roles(viewer, milestone), reason=reason)
        if command == "start":
            rules.check_underway(milestone.engagement_state)
        return await _shown(conn, milestone_id, viewer)


@asynccontextmanager
async def _locked(
    conn: Connection, milestone_id: UUID, viewer: Viewer, expected: int | None
) -> AsyncIterator[Milestone]:
    async with conn.transaction():
        milestone = await queries.lock_milestone(
            conn, milestone_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if milestone is None:
            raise NotFound("No such milestone.")
        check_version(expected, milestone.version)
        yield milestone


async def _shown(conn: Connection, milestone_id: UUID, viewer: Viewer) -> Milestone:
    milestone = await queries.select_milestone(
        conn, milestone_id, viewer_id=viewer.id, sees_all=viewer.moderates
    )
    assert milestone is not None
    return milestone


def _roles(viewer: Viewer, milestone: Milestone) -> frozenset[Who]:
    return viewer.roles(applicant=milestone.is_applicant, employer=milestone.is_employer)
