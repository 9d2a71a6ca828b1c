from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from services.gateway.applications import queries, rules
from services.gateway.applications.moves import LIFE, begin, move
from services.gateway.applications.queries import Application, Applying, Seeker
from services.gateway.engagements.agreement import agreement_text
from services.gateway.engagements.moves import begin as begin_engagement
from services.gateway.engagements.queries import insert_engagement, lock_engagement
from services.gateway.lifecycle import Step
from services.gateway.lifecycles import Who
from services.gateway.lifecycles.application import Status
from services.gateway.milestones.moves import begin as begin_milestone
from services.gateway.milestones.queries import insert_milestones, select_milestones
from services.gateway.outcomes import carry_on, judge
from services.gateway.profiles.queries import Profile, lock_profile_version, select_profile
from services.gateway.projects.moves import move as move_project
from services.gateway.projects.queries import Project, lock_project, share_project
from services.gateway.projects.rules import check_seats, may_see
from services.gateway.projects.wages import day_of
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.database.coalescing import Errand
from shared.errors import Conflict, NotFound, Refusal
from shared.events.applications import ApplicationInvited

APPLICANT = frozenset({Who.APPLICANT})
EMPLOYER = frozenset({Who.EMPLOYER})


@dataclass(frozen=True)
class Apply:
    project_id: UUID
    viewer: Viewer
    cover_letter: str
    draft: bool


async def apply(conn: Connection, asked: Sequence[Errand[Apply]]) -> list[Application | Refusal]:
    """Of many people at once, each of them once; the caller has begun the transaction."""
    wanted = [each.wanted for each in asked]
    await queries.hold_for_applying(
        conn,
        project_ids={each.project_id for each in wanted},
        person_ids={each.viewer.id for each in wanted},
    )
    known = await queries.select_applying(conn, [(w.project_id, w.viewer.id) for w in wanted])
    judged = judge(asked, lambda each: _first_step(each, known))
    return await carry_on(judged, lambda steps: _make(conn, steps))


def _first_step(
    asked: Errand[Apply], known: Mapping[tuple[UUID, UUID], Applying]
) -> Step[Application]:
    wanted = asked.wanted
    found = known.get((wanted.project_id, wanted.viewer.id))
    if found is None or not may_see(
        state=found.project_state, is_mine=found.is_mine, moderates=wanted.viewer.moderates
    ):
        raise NotFound("No such project.")
    rules.check_may_apply(
        project_state=found.project_state, is_member=found.is_mine, live=found.live
    )
    draft = queries.drafted(found, _filled(found.profile), wanted.cover_letter)
    if wanted.draft:
        return Step(draft, restarts=True, origin=asked.origin)
    submitted = LIFE.step(draft, "submit", APPLICANT)
    return replace(submitted, entered=False, origin=asked.origin)


async def _make(
    conn: Connection, steps: Sequence[Step[Application]]
) -> list[Application | Refusal]:
    made = await queries.insert_applications(conn, [step.record for step in steps])
    judged: list[Step[Application] | Refusal] = [
        step if step.record.id in made else Conflict("You have already applied to this project.")
        for step in steps
    ]
    return await carry_on(judged, lambda left: LIFE.take_all(conn, left))


async def invite(
    conn: Connection, *, project_id: UUID, viewer: Viewer, person_id: UUID, reason: str
) -> Application:
    """Ask somebody among the matches to apply; the letter is theirs to write."""
    async with conn.transaction():
        project = await share_project(conn, project_id, viewer_id=viewer.id)
        if project is None or not project.is_mine:
            raise NotFound("No such project of yours.")
        rules.check_may_invite(project.state)
        if not await queries.is_matched(conn, project_id=project_id, person_id=person_id):
            raise NotFound("Nobody of this id is among the project's matches.")
        application_id = await queries.insert_invitation(
            conn, project_id=project_id, person_id=person_id, reason=reason
        )
        if application_id is None:
            raise Conflict("This person has applied or was invited already.")
        application = await begin(conn, await _locked(conn, application_id, viewer))
        await LIFE.say(conn, application, ApplicationInvited, actor=Who.EMPLOYER, reason=reason)
        return application


async def start(
    conn: Connection, *, application_id: UUID, viewer: Viewer, expected: int | None
) -> Application:
    """Take up an invitation: it becomes a draft, with the profile of today."""
    async with conn.transaction():
        project_id = await queries.select_project_of(conn, application_id)
        project = await share_project(conn, project_id, viewer_id=viewer.id) if project_id else None
        await lock_profile_version(conn, viewer.id)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        live = await queries.count_live_of(conn, viewer.id)
        await move(conn, application, "start", _roles(viewer, application))
        assert project is not None
        rules.check_may_apply(project_state=project.state, is_member=project.is_mine, live=live)
        profile = _filled(await select_profile(conn, viewer.id))
        await queries.update_profile(conn, application_id, profile)
        return await _shown(conn, application_id, viewer)


async def change_letter(
    conn: Connection,
    *,
    application_id: UUID,
    viewer: Viewer,
    cover_letter: str,
    expected: int | None,
) -> Application:
    async with conn.transaction():
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        rules.check_editable(application.state)
        await queries.update_letter(conn, application_id=application_id, cover_letter=cover_letter)
        return await _locked(conn, application_id, viewer)


async def command(
    conn: Connection,
    *,
    application_id: UUID,
    command: str,
    viewer: Viewer,
    reason: str | None,
    expected: int | None,
) -> Application:
    async with conn.transaction():
        if command == "submit":
            await _check_still_open(conn, application_id, viewer)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        moved = await move(conn, application, command, _roles(viewer, application), reason=reason)
        if command == "submit":
            rules.check_letter(application.cover_letter)
    return moved


@dataclass(frozen=True)
class Look:
    """The employer opens an application."""

    application_id: UUID
    viewer: Viewer
    expected: int | None


async def view(conn: Connection, asked: Sequence[Errand[Look]]) -> list[Application | Refusal]:
    """Many at once, each application once; the caller has begun the transaction."""
    found = await queries.lock_applications(
        conn,
        [
            Seeker(each.wanted.application_id, each.wanted.viewer.id, each.wanted.viewer.moderates)
            for each in asked
        ],
    )
    judged = judge(asked, lambda each: _seen(each, found))
    return await carry_on(judged, lambda steps: LIFE.take_all(conn, steps))


def _seen(asked: Errand[Look], found: Mapping[UUID, Application]) -> Step[Application]:
    wanted = asked.wanted
    application = found.get(wanted.application_id)
    if application is None:
        raise NotFound("No such application.")
    check_version(wanted.expected, application.version)
    step = LIFE.step(application, "view", _roles(wanted.viewer, application))
    return replace(step, origin=asked.origin)


async def not_select(
    conn: Connection,
    *,
    application_id: UUID,
    viewer: Viewer,
    reason: str | None,
    criteria_not_met: list[int],
    expected: int | None,
) -> Application:
    async with conn.transaction():
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        await move(conn, application, "not_select", _roles(viewer, application), reason=reason)
        known = await queries.count_criteria(conn, application.project_id)
        rules.check_criteria(criteria_not_met, known=known)
        await queries.update_criteria(conn, application_id, criteria_not_met=criteria_not_met)
        return await _shown(conn, application_id, viewer)


async def offer(
    conn: Connection,
    *,
    application_id: UUID,
    viewer: Viewer,
    message: str,
    starts_on: date,
    expected: int | None,
) -> Application:
    """Hold a seat for the applicant."""
    rules.check_start(starts_on, today=day_of(clock.now()))
    async with conn.transaction():
        project = await _project_locked(conn, application_id, viewer)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        await hold_seat(
            conn,
            project,
            application,
            _roles(viewer, application),
            message=message,
            starts_on=starts_on,
            made_by=viewer.id,
        )
        return await _shown(conn, application_id, viewer)


async def hold_seat(
    conn: Connection,
    project: Project,
    application: Application,
    who: frozenset[Who] = EMPLOYER,
    *,
    message: str,
    starts_on: date,
    made_by: UUID,
) -> None:
    """Offer a seat; the caller holds the locks of the project and the application."""
    await move(conn, application, "offer", who)
    rules.check_selecting(project.state)
    taken = await queries.count_seats_taken(conn, project.id)
    check_seats(seats=project.seats, taken=taken - 1)
    await queries.upsert_offer(
        conn,
        application_id=application.id,
        message=message,
        starts_on=starts_on,
        fee=project.fee,
        made_by=made_by,
    )


async def accept(
    conn: Connection, *, application_id: UUID, viewer: Viewer, expected: int | None
) -> Application:
    """Take the seat: the engagement and its milestones come into being."""
    async with conn.transaction():
        project = await _project_locked(conn, application_id, viewer)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        accepted = await move(conn, application, "accept", _roles(viewer, application))
        rules.check_selecting(project.state)
        taken = await queries.count_accepted(conn, project.id)
        check_seats(seats=project.seats, taken=taken)
        await _engage(conn, accepted, project)
        if taken + 1 == project.seats:
            await move_project(conn, project, "fill_seats")
    return accepted


async def _engage(conn: Connection, application: Application, project: Project) -> None:
    assert application.offer is not None
    text = agreement_text(application, project)
    engagement_id = await insert_engagement(
        conn,
        application_id=application.id,
        project_id=project.id,
        organization_id=project.organization_id,
        applicant_id=application.applicant_id,
        agreement=text,
        starts_on=application.offer.starts_on,
    )
    await insert_milestones(
        conn,
        engagement_id=engagement_id,
        starts_on=application.offer.starts_on,
        planned=project.milestones,
    )
    await _start_clocks(conn, engagement_id)


async def _start_clocks(conn: Connection, engagement_id: UUID) -> None:
    engagement = await lock_engagement(conn, engagement_id, viewer_id=None, sees_all=True)
    assert engagement is not None
    await begin_engagement(conn, engagement)
    for milestone in await select_milestones(conn, engagement_id, viewer_id=None, sees_all=True):
        await begin_milestone(conn, milestone)


def _filled(profile: Profile | None) -> Profile:
    if profile is None or not profile.skills:
        raise Conflict("Fill in your profile first: PUT /v1/me/profile, with your skills.")
    return profile


async def _check_still_open(conn: Connection, application_id: UUID, viewer: Viewer) -> None:
    application = await queries.select_application(
        conn, application_id, viewer_id=viewer.id, moderates=viewer.moderates
    )
    if application is None:
        raise NotFound("No such application.")
    project = await share_project(conn, application.project_id, viewer_id=None)
    if project is not None and application.state is Status.DRAFT:
        rules.check_may_apply(project_state=project.state, is_member=False, live=0)


async def _project_locked(conn: Connection, application_id: UUID, viewer: Viewer) -> Project:
    project_id = await queries.select_project_of(conn, application_id)
    project = await lock_project(conn, project_id, viewer_id=viewer.id) if project_id else None
    if project is None:
        raise NotFound("No such application.")
    return project


async def _locked(conn: Connection, application_id: UUID, viewer: Viewer) -> Application:
    application = await queries.lock_application(
        conn, application_id, viewer_id=viewer.id, moderates=viewer.moderates
    )
    if application is None:
        raise NotFound("No such application.")
    return application


async def _shown(conn: Connection, application_id: UUID, viewer: Viewer) -> Application:
    application = await queries.select_application(
        conn, application_id, viewer_id=viewer.id, moderates=viewer.moderates
    )
    assert application is not None
    return application


def _roles(viewer: Viewer, application: Application) -> frozenset[Who]:
    return viewer.roles(applicant=application.is_applicant, employer=application.is_employer)
