from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from services.gateway.engagements import agreement, queries, rules
from services.gateway.engagements.moves import LIFE, move
from services.gateway.engagements.queries import CheckedIn, Engagement, Feedback, Seeker
from services.gateway.lifecycle import Step
from services.gateway.lifecycles import ENGAGEMENT, Who
from services.gateway.lifecycles.engagement import Status
from services.gateway.outcomes import carry_on, judge
from services.gateway.proposals.actions import Asked, Consent, Side, propose
from services.gateway.timers.calendar import MANILA, due_at
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.database.coalescing import Errand
from shared.errors import Conflict, NotFound, Refusal
from shared.events.engagements import EngagementCheckedIn, EngagementProposed


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
        if not await _signed(conn, engagement, party, viewer.id):
            raise _said_already(engagement, who, f"The {party} has signed already.")
        needed = rules.needed_signatures(has_school=engagement.school_id is not None)
        if {*engagement.signed, party} >= needed:
            await move(conn, moved, "last_signature")
        return await _shown(conn, engagement_id, viewer)


@dataclass(frozen=True)
class CheckIn:
    engagement_id: UUID
    viewer: Viewer
    mood: str
    note: str
    expected: int | None


async def check_in(
    conn: Connection, asked: Sequence[Errand[CheckIn]]
) -> list[Engagement | Refusal]:
    """Many at once, each engagement once; the caller has begun the transaction. An early one is
    kept, and lets the work begin when the other side checks in too."""
    seekers = [_seeker(each.wanted) for each in asked]
    found = await queries.lock_engagements(conn, seekers)
    judged = judge(asked, lambda each: _checked_in(each, found))
    return await carry_on(judged, lambda signs: _note_check_ins(conn, signs))


@dataclass(frozen=True)
class _Sign:
    """A sign of life, and the step that it lets the engagement take."""

    wanted: CheckIn
    party: str
    step: Step[Engagement]


def _checked_in(asked: Errand[CheckIn], found: Mapping[UUID, Engagement]) -> _Sign:
    wanted = asked.wanted
    engagement = found.get(wanted.engagement_id)
    if engagement is None:
        raise NotFound("No such engagement.")
    check_version(wanted.expected, engagement.version)
    who = _roles(wanted.viewer, engagement)
    step = LIFE.step(engagement, "check_in", who)
    party = rules.party(who)
    if engagement.state is Status.STALLED:
        rules.check_breaks_silence(engagement, party)
    if _is_early(engagement, party):
        step = LIFE.mention(engagement, EngagementCheckedIn, actor=party, party=party)
    return _Sign(wanted, party, replace(step, origin=asked.origin))


async def _note_check_ins(conn: Connection, signs: Sequence[_Sign]) -> list[Engagement]:
    await queries.insert_check_ins(
        conn,
        [
            CheckedIn(sign.wanted.engagement_id, sign.party, sign.wanted.mood, sign.wanted.note)
            for sign in signs
        ],
    )
    await queries.update_seen(conn, [(sign.wanted.engagement_id, sign.party) for sign in signs])
    await LIFE.take_all(conn, [sign.step for sign in signs])
    shown = await queries.select_engagements(conn, [_seeker(sign.wanted) for sign in signs])
    return [shown[sign.wanted.engagement_id] for sign in signs]


def _seeker(wanted: CheckIn) -> Seeker:
    return Seeker(wanted.engagement_id, wanted.viewer.id, wanted.viewer.moderates)


async def ask_help(
    conn: Connection, *, engagement_id: UUID, viewer: Viewer, expected: int | None
) -> Engagement:
    """The other side is to answer within a working day."""
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        who = _roles(viewer, engagement)
        await move(conn, engagement, "ask_help", who)
        party = rules.party(who)
        await queries.update_seen(conn, [(engagement_id, party)])
        answer_by = due_at(clock.now(), rules.HELP_WORKING_DAYS, working=True)
        await queries.update_help(conn, engagement_id, party=party, answer_by=answer_by)
        return await _shown(conn, engagement_id, viewer)


async def note_sign_of_life(conn: Connection, engagement_id: UUID, party: str) -> None:
    """Work handed in or reviewed: the caller holds the engagement's lock."""
    engagement = await queries.select_engagement(conn, engagement_id, viewer_id=None, sees_all=True)
    assert engagement is not None
    await queries.update_seen(conn, [(engagement_id, party)])
    if engagement.state is Status.ACTIVE:
        await LIFE.rearm(conn, engagement)
    elif engagement.state is Status.STALLED and rules.silent_side(engagement) in {"both", party}:
        await move(conn, engagement, "check_in", frozenset({Who(party)}))


async def amend(
    conn: Connection,
    *,
    engagement_id: UUID,
    viewer: Viewer,
    asked: Asked,
    expected: int | None,
) -> tuple[Engagement, bool]:
    """Return whether both sides now agree."""
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        who = _roles(viewer, engagement)
        _check_open_to(engagement, "amend", who)
        parts = await queries.lock_parts(conn, engagement_id)
        rules.check_amendment(asked.terms, parts, today=_today(), pay_floor=engagement.pay_floor)
        consent = await _proposed(conn, engagement, "amend", asked, viewer)
        if consent.agreed:
            agreed = consent.proposal.terms
            rules.check_amendment(agreed, parts, today=_today(), pay_floor=engagement.pay_floor)
            titles = {str(part.id): part.title for part in parts}
            changes = agreement.changes_of(agreed, titles)
            await write_amendment(conn, engagement, changes, consent=consent, agreed_by=viewer.id)
            await _change_parts(conn, agreed.get("milestones", []))
            await move(conn, engagement, "amend", who)
        return await _shown(conn, engagement_id, viewer), consent.agreed


async def pause(
    conn: Connection,
    *,
    engagement_id: UUID,
    viewer: Viewer,
    asked: Asked,
    expected: int | None,
) -> tuple[Engagement, bool]:
    """Return whether both sides now agree."""
    async with _locked(conn, engagement_id, viewer, expected) as engagement:
        who = _roles(viewer, engagement)
        _check_open_to(engagement, "pause", who)
        if asked.proposal_id is None:
            rules.check_pause(asked.terms, today=_today())
        consent = await _proposed(conn, engagement, "pause", asked, viewer)
        if consent.agreed:
            agreed = consent.proposal.terms
            rules.check_pause(agreed, today=_today())
            until = date.fromisoformat(agreed["until"])
            await queries.update_pause(conn, engagement_id, paused_on=_today(), paused_until=until)
            paused = replace(engagement, paused_on=_today(), paused_until=until)
            await move(conn, paused, "pause", who, reason=agreed["reason"])
        return await _shown(conn, engagement_id, viewer), consent.agreed


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
        who = _roles(viewer, engagement)
        await move(conn, engagement, command, who, reason=reason)
        if command == "resume":
            await queries.update_seen(conn, [(engagement_id, rules.party(who))])
        return await _shown(conn, engagement_id, viewer)


async def read_feedback(conn: Connection, *, engagement_id: UUID, viewer: Viewer) -> list[Feedback]:
    engagement = await _shown(conn, engagement_id, viewer)
    if engagement.state not in rules.REVEALED:
        raise Conflict("Feedback is sealed until both sides have spoken.", state=engagement.state)
    return await queries.select_feedback(conn, engagement_id)


async def _change_parts(conn: Connection, changes: Sequence[dict[str, Any]]) -> None:
    for change in changes:
        due_on = date.fromisoformat(change["due_on"]) if "due_on" in change else None
        await queries.update_part(conn, UUID(change["id"]), due_on=due_on, fee=change.get("fee"))


async def _proposed(
    conn: Connection, engagement: Engagement, command: str, asked: Asked, viewer: Viewer
) -> Consent:
    party = rules.party(_roles(viewer, engagement))
    consent = await propose(
        conn,
        record="engagement",
        record_id=engagement.id,
        command=command,
        side=Side(party, viewer.id),
        asked=asked,
    )
    if not consent.agreed:
        await LIFE.say(
            conn,
            engagement,
            EngagementProposed,
            actor=party,
            party=party,
            proposal_id=consent.proposal.id,
            command=command,
        )
    return consent


async def write_amendment(
    conn: Connection,
    engagement: Engagement,
    changes: Sequence[str],
    *,
    consent: Consent,
    agreed_by: UUID,
) -> None:
    """The new text, signed by who proposed it and by who agreed."""
    number = engagement.agreement_number + 1
    text = agreement.amended_text(engagement.agreement, number=number, changes=changes)
    await queries.insert_agreement(conn, engagement.id, number=number, text=text)
    await queries.update_agreement(conn, engagement.id, number=number, text=text)
    amended = replace(engagement, agreement_number=number, agreement_hash=rules.text_hash(text))
    proposer = consent.proposal
    await _signed(conn, amended, proposer.party, proposer.person_id)
    await _signed(conn, amended, rules.other(proposer.party), agreed_by)


async def _signed(conn: Connection, engagement: Engagement, party: str, person_id: UUID) -> bool:
    return await queries.insert_signature(
        conn,
        engagement_id=engagement.id,
        number=engagement.agreement_number,
        party=party,
        person_id=person_id,
        text_hash=engagement.agreement_hash,
    )


def _check_open_to(engagement: Engagement, command: str, who: frozenset[Who]) -> None:
    """Refuse what the table would refuse, before anything is written."""
    ENGAGEMENT.move(engagement.state, command, who, open_now=rules.COMMANDS)


def _is_early(engagement: Engagement, party: str) -> bool:
    if engagement.state is not Status.SCHEDULED:
        return False
    return not rules.begins(
        side=party,
        starts_on=engagement.starts_on,
        today=_today(),
        checked_in=engagement.checked_in,
    )


def _today() -> date:
    return clock.now().astimezone(MANILA).date()


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
    return viewer.roles(
        applicant=engagement.is_applicant,
        employer=engagement.is_employer,
        school=engagement.is_school,
    )
