"""Each record as its own area shows it to somebody: who may not see it there, may not here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from services.gateway.applications.queries import select_application
from services.gateway.credentials.queries import select_credential
from services.gateway.disputes.queries import select_dispute
from services.gateway.engagements.queries import select_engagement
from services.gateway.lifecycles import MACHINES, Machine, Who
from services.gateway.milestones.queries import select_milestone
from services.gateway.payments.queries import select_payment
from services.gateway.projects import rules as project_rules
from services.gateway.projects.queries import select_project
from services.gateway.viewer import NOBODY, Viewer
from shared.database import Connection
from shared.errors import NotFound


class TwoSided(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def timers(self) -> list[dict[str, Any]]: ...
    @property
    def is_applicant(self) -> bool: ...
    @property
    def is_employer(self) -> bool: ...


@dataclass(frozen=True)
class Seen:
    """`side` is what the viewer is to it; nobody in particular when it is empty."""

    machine: Machine
    id: UUID
    state: str
    timers: list[dict[str, Any]]
    side: frozenset[Who]


Select = Callable[[Connection, UUID, Viewer], Awaitable[TwoSided | None]]
SELECT: Mapping[str, Select] = {
    "application": lambda conn, record_id, viewer: select_application(
        conn, record_id, viewer_id=viewer.id, moderates=viewer.moderates
    ),
    "engagement": lambda conn, record_id, viewer: select_engagement(
        conn, record_id, viewer_id=viewer.id, sees_all=viewer.moderates
    ),
    "milestone": lambda conn, record_id, viewer: select_milestone(
        conn, record_id, viewer_id=viewer.id, sees_all=viewer.moderates
    ),
    "payment": lambda conn, record_id, viewer: select_payment(
        conn, record_id, viewer_id=viewer.id, sees_all=viewer.moderates
    ),
    "dispute": lambda conn, record_id, viewer: select_dispute(
        conn, record_id, viewer_id=viewer.id, sees_all=viewer.moderates
    ),
    "credential": lambda conn, record_id, viewer: select_credential(
        conn, record_id, viewer_id=viewer.id, sees_all=viewer.moderates
    ),
}


async def see(conn: Connection, record: str, record_id: UUID, viewer: Viewer | None) -> Seen:
    found = await _seen(conn, record, record_id, viewer)
    if found is None:
        raise NotFound(f"No such {record}.")
    return found


async def _seen(
    conn: Connection, record: str, record_id: UUID, viewer: Viewer | None
) -> Seen | None:
    if record == "project":
        return await _project(conn, record_id, viewer)
    assert viewer is not None, "Only a posting is shown to everybody."
    found = await SELECT[record](conn, record_id, viewer)
    if found is None:
        return None
    side = viewer.roles(applicant=found.is_applicant, employer=found.is_employer)
    return Seen(MACHINES[record], record_id, found.state, found.timers, side)


async def _project(conn: Connection, project_id: UUID, viewer: Viewer | None) -> Seen | None:
    found = await select_project(conn, project_id, viewer_id=viewer.id if viewer else None)
    if found is None or not project_rules.may_see(
        state=found.state, is_mine=found.is_mine, moderates=bool(viewer and viewer.moderates)
    ):
        return None
    side = viewer.roles(employer=found.is_mine) if viewer else NOBODY
    return Seen(MACHINES["project"], project_id, found.state, found.timers, side)
