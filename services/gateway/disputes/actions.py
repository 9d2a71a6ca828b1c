from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.gateway.disputes import money, moves, outcomes, queries, rules
from services.gateway.disputes.queries import Dispute
from services.gateway.disputes.rules import Outcome
from services.gateway.engagements import moves as engagement_moves
from services.gateway.engagements import queries as engagements
from services.gateway.engagements.rules import party
from services.gateway.lifecycles import Who
from services.gateway.milestones import moves as milestone_moves
from services.gateway.milestones import queries as milestones
from services.gateway.milestones.rules import check_may_dispute
from services.gateway.proposals.actions import Asked, Side, propose
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import Conflict, NotFound
from shared.events.disputes import (
    DisputeAppealDecided,
    DisputeAppealed,
    DisputeOpened,
    DisputeSettlementProposed,
)


async def open_over_milestone(
    conn: Connection,
    *,
    milestone_id: UUID,
    viewer: Viewer,
    claim: int,
    statement: str,
    reason: str,
    expected: int | None,
) -> Dispute:
    async with conn.transaction():
        milestone = await milestones.lock_milestone(
            conn, milestone_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if milestone is None:
            raise NotFound("No such milestone.")
        check_version(expected, milestone.version)
        who = viewer.roles(applicant=milestone.is_applicant, employer=milestone.is_employer)
        await milestone_moves.move(conn, milestone, "dispute", who, reason=reason)
        check_may_dispute(milestone, who)
        rules.check_share(claim, milestone.fee)
        return await _opened(
            conn,
            viewer,
            engagement_id=milestone.engagement_id,
            milestone_id=milestone.id,
            left_state=milestone.state,
            filer=party(who),
            fee=milestone.fee,
            claim=claim,
            statement=statement,
            reason=reason,
        )


async def open_over_engagement(
    conn: Connection,
    *,
    engagement_id: UUID,
    viewer: Viewer,
    claim: int,
    statement: str,
    reason: str,
    expected: int | None,
) -> Dispute:
    """About how it goes on, and about the fees of what is not yet accepted."""
    async with conn.transaction():
        engagement = await engagements.lock_engagement(
            conn, engagement_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if engagement is None:
            raise NotFound("No such engagement.")
        check_version(expected, engagement.version)
        who = viewer.roles(
            applicant=engagement.is_applicant,
            employer=engagement.is_employer,
            school=engagement.is_school,
        )
        await engagement_moves.move(conn, engagement, "dispute", who, reason=reason)
        parts = await milestones.select_milestones(
            conn, engagement_id, viewer_id=None, sees_all=True
        )
        fee = rules.unsettled_fee(parts)
        rules.check_share(claim, fee)
        return await _opened(
            conn,
            viewer,
            engagement_id=engagement_id,
            milestone_id=None,
            left_state=None,
            filer=party(who),
            fee=fee,
            claim=claim,
            statement=statement,
            reason=reason,
        )


async def _opened(conn: Connection, viewer: Viewer, *, filer: str, **facts: Any) -> Dispute:
    dispute_id = await queries.insert_dispute(conn, filer=filer, filer_id=viewer.id, **facts)
    dispute = await _shown(conn, dispute_id, viewer)
    await moves.LIFE.say(
        conn, dispute, DisputeOpened, actor=filer, party=filer, reason=dispute.reason
    )
    await moves.begin(conn, dispute)
    return await _shown(conn, dispute_id, viewer)


async def answer(
    conn: Connection,
    *,
    dispute_id: UUID,
    viewer: Viewer,
    statement: str,
    share: int,
    expected: int | None,
) -> Dispute:
    """To answer with the very claim is to agree."""
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        who = _roles(viewer, dispute)
        moved = await moves.move(conn, dispute, "answer", who)
        rules.check_theirs("answer", dispute, who, viewer.id)
        rules.check_share(share, dispute.fee)
        await queries.update_answer(conn, dispute_id, answer=statement, share=share)
        if dispute.milestone_id is not None and share == dispute.claim:
            await _settle(conn, moved, who, outcome=None, share=share)
        return await _shown(conn, dispute_id, viewer)


async def withdraw(
    conn: Connection, *, dispute_id: UUID, viewer: Viewer, expected: int | None
) -> Dispute:
    """An intern loses nothing: the work is where the dispute found it. An employer has nothing left to
    say against the work and accepts it in full: delivered work is paid or in dispute within days, and
    a dispute taken back must not buy more of them. An engagement goes on."""
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        who = _roles(viewer, dispute)
        share = rules.share_when_withdrawn(dispute)
        moved = await moves.move(conn, replace(dispute, intern_share=share), "withdraw", who)
        rules.check_theirs("withdraw", dispute, who, viewer.id)
        if dispute.milestone_id is None:
            await outcomes.carry_out(conn, moved, outcome=Outcome.CONTINUE, share=None)
        elif share is None:
            await outcomes.give_back(conn, moved)
        else:
            await outcomes.carry_out(conn, moved, outcome=None, share=share)
        return await _shown(conn, dispute_id, viewer)


async def settle(
    conn: Connection,
    *,
    dispute_id: UUID,
    viewer: Viewer,
    asked: Asked,
    expected: int | None,
) -> tuple[Dispute, bool]:
    """Return whether both sides now agree."""
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        who = _roles(viewer, dispute)
        moves.check("settle", dispute, who)
        if asked.proposal_id is None:
            await _check_terms(conn, dispute, *_terms(asked.terms))
        consent = await propose(
            conn,
            record="dispute",
            record_id=dispute_id,
            command="settle",
            side=Side(party(who), viewer.id),
            asked=asked,
        )
        outcome, share = _terms(consent.proposal.terms)
        if consent.agreed:
            await _check_terms(conn, dispute, outcome, share)
            await _settle(conn, dispute, who, outcome=outcome, share=share)
        else:
            proposed = replace(dispute, intern_share=share)
            await moves.LIFE.say(
                conn, proposed, DisputeSettlementProposed, actor=party(who), party=party(who)
            )
        return await _shown(conn, dispute_id, viewer), consent.agreed


async def take(
    conn: Connection, *, dispute_id: UUID, viewer: Viewer, expected: int | None
) -> Dispute:
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        await moves.move(conn, dispute, "take", _roles(viewer, dispute))
        await queries.update_mediator(conn, dispute_id, viewer.id)
        return await _shown(conn, dispute_id, viewer)


async def decide(
    conn: Connection,
    *,
    dispute_id: UUID,
    viewer: Viewer,
    outcome: str | None,
    share: int | None,
    reasons: str,
    expected: int | None,
) -> Dispute:
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        who = _roles(viewer, dispute)
        decided = replace(dispute, intern_share=share)
        moved = await moves.move(conn, decided, "decide", who)
        rules.check_theirs("decide", dispute, who, viewer.id)
        await _check_terms(conn, dispute, _outcome(outcome), share)
        if dispute.mediator_id is None:
            await queries.update_mediator(conn, dispute_id, viewer.id)
        await outcomes.carry_out(
            conn,
            moved,
            outcome=_outcome(outcome),
            share=share,
            who=who,
            reasons=reasons,
            refund_at=clock.now() + rules.APPEAL if dispute.milestone_id else None,
        )
        return await _shown(conn, dispute_id, viewer)


async def appeal(
    conn: Connection, *, dispute_id: UUID, viewer: Viewer, statement: str, expected: int | None
) -> Dispute:
    """Stops the money, if it has not left, until a second person has looked."""
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        appellant = party(_roles(viewer, dispute))
        milestone_id = rules.check_appealable(dispute)
        await queries.update_appeal(conn, dispute_id, appeal=statement, appellant=appellant)
        if not await money.hold_for_appeal(conn, milestone_id):
            raise Conflict(
                "The money has been sent, so a second decision could not change it.",
                state=dispute.state,
            )
        await moves.LIFE.say(conn, dispute, DisputeAppealed, actor=appellant, party=appellant)
        return await _shown(conn, dispute_id, viewer)


async def decide_appeal(
    conn: Connection,
    *,
    dispute_id: UUID,
    viewer: Viewer,
    share: int,
    reasons: str,
    expected: int | None,
) -> Dispute:
    """Confirms or changes the intern's share of the fee, of which nothing that was sent comes back;
    the milestone stays as it was decided."""
    async with _locked(conn, dispute_id, viewer, expected) as dispute:
        milestone_id = rules.check_appealed(dispute, _roles(viewer, dispute), viewer.id)
        sent = await money.sent(conn, milestone_id)
        rules.check_share(share, sent + await money.held(conn, milestone_id), sent=sent)
        await queries.update_appeal_decision(
            conn, dispute_id, mediator_id=viewer.id, intern_share=share, reasons=reasons
        )
        await money.decide(conn, milestone_id=milestone_id, intern_share=share - sent)
        decided = replace(dispute, intern_share=share)
        await moves.LIFE.say(conn, decided, DisputeAppealDecided, actor=Who.MODERATOR)
        return await _shown(conn, dispute_id, viewer)


async def _settle(
    conn: Connection,
    dispute: Dispute,
    who: frozenset[Who],
    *,
    outcome: Outcome | None,
    share: int | None,
) -> None:
    moved = await moves.move(conn, replace(dispute, intern_share=share), "settle", who)
    await outcomes.carry_out(conn, moved, outcome=outcome, share=share)


def _terms(terms: dict[str, Any]) -> tuple[Outcome | None, int | None]:
    return _outcome(terms.get("outcome")), terms.get("intern_share")


def _outcome(word: str | None) -> Outcome | None:
    return Outcome(word) if word else None


async def _check_terms(
    conn: Connection, dispute: Dispute, outcome: Outcome | None, share: int | None
) -> None:
    rules.check_terms(
        of_milestone=dispute.milestone_id is not None,
        outcome=outcome,
        share=share,
        fee=await outcomes.at_stake(conn, dispute),
    )


@asynccontextmanager
async def _locked(
    conn: Connection, dispute_id: UUID, viewer: Viewer, expected: int | None
) -> AsyncIterator[Dispute]:
    async with conn.transaction():
        dispute = await queries.lock_dispute(
            conn, dispute_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if dispute is None:
            raise NotFound("No such dispute.")
        check_version(expected, dispute.version)
        yield dispute


async def _shown(conn: Connection, dispute_id: UUID, viewer: Viewer) -> Dispute:
    dispute = await queries.select_dispute(
        conn, dispute_id, viewer_id=viewer.id, sees_all=viewer.moderates
    )
    assert dispute is not None
    return dispute


def _roles(viewer: Viewer, dispute: Dispute) -> frozenset[Who]:
    return viewer.roles(
        applicant=dispute.is_applicant, employer=dispute.is_employer, school=dispute.is_school
    )
