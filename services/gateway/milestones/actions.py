from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

from services.gateway.engagements import agreement
from services.gateway.engagements import queries as engagements
from services.gateway.engagements.actions import note_sign_of_life, write_amendment
from services.gateway.engagements.rules import party
from services.gateway.lifecycles import MILESTONE, Who
from services.gateway.lifecycles.milestone import Status
from services.gateway.milestones import queries, rules
from services.gateway.milestones.moves import LIFE, move
from services.gateway.milestones.queries import Milestone
from services.gateway.proposals.actions import Asked, Consent, Side, propose
from services.gateway.timers.calendar import MANILA
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import NotFound
from shared.events.milestones import MilestoneProposed

EMPLOYER = frozenset({Who.EMPLOYER})


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
        rules.check_takes_work(milestone)
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
        await note_sign_of_life(conn, milestone.engagement_id, party(who))
        return await _shown(conn, milestone_id, viewer)


async def request_changes(
    conn: Connection,
    *,
    milestone_id: UUID,
    viewer: Viewer,
    review: str,
    criteria_unmet: Sequence[int],
    expected: int | None,
) -> Milestone:
    """Against the criteria that the work does not meet, twice at most."""
    async with _locked(conn, milestone_id, viewer, expected) as milestone:
        rules.check_criteria(criteria_unmet, count=len(milestone.criteria))
        who = _roles(viewer, milestone)
        await move(conn, milestone, "request_changes", who)
        rules.check_may_ask(milestone)
        await queries.update_review(
            conn, milestone_id=milestone_id, review=review, criteria_unmet=criteria_unmet
        )
        await note_sign_of_life(conn, milestone.engagement_id, party(who))
        return await _shown(conn, milestone_id, viewer)


async def accept(
    conn: Connection,
    *,
    milestone_id: UUID,
    viewer: Viewer,
    review: str,
    asked: Asked,
    expected: int | None,
) -> tuple[Milestone, bool]:
    """In full by the employer; for less when both sides agree. Return whether it is accepted."""
    async with _locked(conn, milestone_id, viewer, expected) as milestone:
        who = _roles(viewer, milestone)
        fee = asked.terms.get("fee", milestone.fee)
        rules.check_reduced(fee, milestone.fee)
        accepted = True
        if asked.proposal_id is None and fee == milestone.fee:
            await move(conn, milestone, "accept", who)
        else:
            accepted = await _accept_for_less(conn, milestone, asked, viewer)
        if Who.EMPLOYER in who:
            await queries.update_review(
                conn, milestone_id=milestone_id, review=review, criteria_unmet=[]
            )
        await note_sign_of_life(conn, milestone.engagement_id, party(who))
        return await _shown(conn, milestone_id, viewer), accepted


async def _accept_for_less(
    conn: Connection, milestone: Milestone, asked: Asked, viewer: Viewer
) -> bool:
    """To agree is for either side; the table knows it as the employer's step."""
    who = _roles(viewer, milestone)
    if Who.APPLICANT not in who or milestone.state is not Status.SUBMITTED:
        _check_open_to(milestone, "accept", who)
    consent = await _proposed(conn, milestone, "accept", asked, viewer)
    if consent.agreed:
        fee = consent.proposal.terms["fee"]
        await queries.update_fee(conn, milestone.id, fee)
        await move(conn, milestone, "accept", EMPLOYER, intern_share=fee)
    return consent.agreed


async def amend(
    conn: Connection,
    *,
    milestone_id: UUID,
    viewer: Viewer,
    asked: Asked,
    expected: int | None,
) -> tuple[Milestone, bool]:
    """Return whether both sides now agree."""
    async with _locked(conn, milestone_id, viewer, expected) as milestone:
        who = _roles(viewer, milestone)
        _check_open_to(milestone, "amend", who)
        rules.check_amendment(asked.terms, milestone.engagement_state, today=_today())
        consent = await _proposed(conn, milestone, "amend", asked, viewer)
        if consent.agreed:
            agreed = consent.proposal.terms
            rules.check_amendment(agreed, milestone.engagement_state, today=_today())
            await _write_amendment(conn, milestone, consent, viewer)
            await move(conn, milestone, "amend", who)
        return await _shown(conn, milestone_id, viewer), consent.agreed


async def _write_amendment(
    conn: Connection, milestone: Milestone, consent: Consent, viewer: Viewer
) -> None:
    agreed = consent.proposal.terms
    await queries.update_terms(
        conn,
        milestone.id,
        title=agreed.get("title"),
        description=agreed.get("description"),
        due_on=date.fromisoformat(agreed["due_on"]) if "due_on" in agreed else None,
    )
    engagement = await engagements.select_engagement(
        conn, milestone.engagement_id, viewer_id=None, sees_all=True
    )
    assert engagement is not None
    changes = agreement.changes_of_milestone(agreed, milestone.title)
    await write_amendment(conn, engagement, changes, consent=consent, agreed_by=viewer.id)


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
            rules.check_starts(milestone.engagement_state)
        return await _shown(conn, milestone_id, viewer)


async def _proposed(
    conn: Connection, milestone: Milestone, command: str, asked: Asked, viewer: Viewer
) -> Consent:
    side = party(_roles(viewer, milestone))
    consent = await propose(
        conn,
        record="milestone",
        record_id=milestone.id,
        command=command,
        side=Side(side, viewer.id),
        asked=asked,
    )
    if not consent.agreed:
        await LIFE.say(
            conn,
            milestone,
            MilestoneProposed,
            actor=side,
            party=side,
            proposal_id=consent.proposal.id,
            command=command,
        )
    return consent


def _check_open_to(milestone: Milestone, command: str, who: frozenset[Who]) -> None:
    """Refuse what the table would refuse, before anything is written."""
    MILESTONE.move(milestone.state, command, who, open_now=rules.COMMANDS)


def _today() -> date:
    return clock.now().astimezone(MANILA).date()


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
