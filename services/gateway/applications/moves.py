"""One step of an application's lifecycle."""

from collections.abc import Sequence
from uuid import UUID

from services.gateway.applications import queries, rules
from services.gateway.applications.queries import Application, ClockFacts
from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import APPLICATION
from services.gateway.timers.planning import Terms
from shared.database import Connection


def _says(application: Application) -> dict[str, UUID]:
    return {
        "application_id": application.id,
        "project_id": application.project_id,
        "organization_id": application.organization_id,
        "applicant_id": application.applicant_id,
    }


async def _terms_of(conn: Connection, applications: Sequence[Application]) -> list[Terms]:
    """The clock of an answer runs from the submission, whoever looked in between."""
    facts = await queries.select_clock_facts(conn, [each.id for each in applications])
    return [_terms(each, facts[each.id]) for each in applications]


def _terms(application: Application, facts: ClockFacts) -> Terms:
    return Terms(
        organization_id=application.organization_id,
        applicant_id=application.applicant_id,
        since=facts.since,
        days={"answer_by": facts.answer_days},
    )


LIFE = Lifecycle(
    APPLICATION,
    update_states=queries.update_states,
    says=_says,
    terms_of=_terms_of,
    open_now=rules.COMMANDS,
)
begin, move, fire, rearm = LIFE.begin, LIFE.move, LIFE.fire, LIFE.rearm
