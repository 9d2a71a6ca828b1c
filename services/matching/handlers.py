"""Each handler reads the rows as they are now, so that twice, late or in another order ends the
same. It runs inside the transaction that marks the event as handled."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from services.matching import queries
from services.matching.choosing import KEPT, choose_people, choose_projects, judge
from services.matching.queries import Applied, Kept
from services.matching.rarity import Rarities
from services.matching.scoring import WEIGHTS, Match
from shared import clock, log, messaging
from shared.database import Connection
from shared.events.applications import ApplicationSubmitted
from shared.events.matches import MatchComputed, MatchExplained
from shared.events.people import OrganizationMemberAdded, ProfileChanged
from shared.events.projects import (
    ProjectApplicationsClosed,
    ProjectAutoPaused,
    ProjectCancelled,
    ProjectCompleted,
    ProjectEvent,
    ProjectExpired,
    ProjectExpiredUndecided,
    ProjectExtended,
    ProjectFilled,
    ProjectNotStarted,
    ProjectOpened,
    ProjectPaused,
    ProjectReinstated,
    ProjectRemoved,
    ProjectReopened,
    ProjectResumed,
    ProjectSuspended,
)
from shared.messaging import Said, on, on_many, origin_of

TOLD_PLACES = 50
NEWS_PLACES = 10

rarities = Rarities()


async def match_project(conn: Connection, event: ProjectEvent) -> None:
    """Whether it is open says its row: a reopened posting may still be choosing."""
    await queries.index_project(conn, event.project_id)
    project = await queries.select_project(conn, event.project_id)
    if project is None or not project.is_open:
        return
    kept = await queries.select_kept_of_project(conn, project.project_id)
    rarity = await rarities.now(conn)
    asked = project.required | project.must_have
    people = queries.select_people_for(conn, project.project_id, asked)
    best = await choose_people(project, people, rarity)
    await _store(conn, best, instead_of=kept)
    floor = best[-1].score if len(best) == KEPT else None
    await queries.update_floor(conn, project.project_id, floor)
    await _tell_if_changed(conn, project.project_id)


async def match_person(conn: Connection, event: ProfileChanged) -> None:
    """One profile touches many lists. That somebody moves within them is no news; that somebody
    comes among the first of a project is, so only then are its people said to have changed."""
    await queries.index_person(conn, event.person_id)
    person = await queries.select_person(conn, event.person_id)
    if person is None:
        return
    kept = await queries.select_kept_of_person(conn, person.person_id)
    led = await queries.select_led(conn, person.person_id, places=NEWS_PLACES)
    rarity = await rarities.now(conn)
    floors = await queries.select_floors(conn)
    projects = queries.select_projects_for(conn, person.person_id)
    matches = await choose_projects(person, projects, rarity, floors)
    await _store(conn, matches, instead_of=kept)
    entered = {match.project_id for match in matches} - {match.project_id for match in kept}
    await queries.delete_matches(conn, await queries.select_beyond(conn, entered, kept=KEPT))
    leads = await queries.select_led(conn, person.person_id, places=NEWS_PLACES)
    for project_id in sorted(leads - led):
        await _tell_if_changed(conn, project_id)


async def explain_applications(conn: Connection, events: Sequence[ApplicationSubmitted]) -> None:
    """Judged as for an open project: that it has closed since says nothing about the fit."""
    projects = await queries.select_projects(conn, {event.project_id for event in events})
    people = await queries.select_people(conn, {event.applicant_id for event in events})
    rarity = await rarities.now(conn)
    opened = {project_id: replace(each, is_open=True) for project_id, each in projects.items()}
    for asked in _one_of_each_pair(events):
        judged = []
        for event in asked:
            project, person = opened.get(event.project_id), people.get(event.applicant_id)
            if project is None or person is None:
                log.get().warning(
                    "application_without_pair", application_id=str(event.application_id)
                )
            else:
                judged.append((event, judge(project, person, rarity)))
        await _explain(conn, judged)


def _one_of_each_pair(
    events: Sequence[ApplicationSubmitted],
) -> Iterator[list[ApplicationSubmitted]]:
    """One statement cannot write a pair twice: the second application for one comes in a later list."""
    while events:
        first: dict[tuple[UUID, UUID], ApplicationSubmitted] = {}
        later = [
            event
            for event in events
            if first.setdefault((event.project_id, event.applicant_id), event) is not event
        ]
        yield list(first.values())
        events = later


async def _explain(conn: Connection, judged: Sequence[tuple[ApplicationSubmitted, Match]]) -> None:
    now = clock.now()
    applied = [
        Applied(event.application_id, match, at=now + event.envelope.ahead)
        for event, match in judged
    ]
    fresh = await queries.upsert_applied(conn, applied)
    said = [
        Said(_explained(each), origin_of(event), each.at)
        for (event, _), each in zip(judged, applied, strict=True)
        if each.application_id in fresh
    ]
    await messaging.record_all(conn, said)


def _explained(applied: Applied) -> MatchExplained:
    match = applied.match
    return MatchExplained(
        application_id=applied.application_id,
        project_id=match.project_id,
        person_id=match.person_id,
        score=match.score,
        passed=match.passed,
        scorer=WEIGHTS.version,
    )


async def part_from_own_projects(conn: Connection, event: OrganizationMemberAdded) -> None:
    """Who acts for an employer is not offered its projects."""
    kept = await queries.select_kept_with_organization(
        conn, person_id=event.person_id, organization_id=event.organization_id
    )
    await queries.delete_matches(conn, kept)


async def _store(conn: Connection, matches: list[Match], *, instead_of: list[Kept]) -> None:
    await queries.upsert_matches(conn, matches)
    still = {(match.project_id, match.person_id) for match in matches}
    gone = [match for match in instead_of if (match.project_id, match.person_id) not in still]
    await queries.delete_matches(conn, gone)


async def _tell_if_changed(conn: Connection, project_id: UUID) -> None:
    digest = await queries.select_digest(conn, project_id, places=TOLD_PLACES)
    if digest is None or not await queries.update_told(conn, project_id, digest):
        return
    people = await queries.count_passed(conn, project_id)
    await messaging.record(
        conn, MatchComputed(project_id=project_id, people=people, scorer=WEIGHTS.version)
    )


SUBSCRIPTIONS = [
    on(ProfileChanged, match_person),
    on(OrganizationMemberAdded, part_from_own_projects),
    on_many(ApplicationSubmitted, explain_applications),
    *(
        on(event, match_project)
        for event in (
            ProjectOpened,
            ProjectResumed,
            ProjectReinstated,
            ProjectExtended,
            ProjectReopened,
            ProjectPaused,
            ProjectAutoPaused,
            ProjectApplicationsClosed,
            ProjectFilled,
            ProjectSuspended,
            ProjectCancelled,
            ProjectExpired,
            ProjectExpiredUndecided,
            ProjectNotStarted,
            ProjectCompleted,
            ProjectRemoved,
        )
    ),
]
