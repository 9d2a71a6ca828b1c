"""One step of an application's lifecycle."""

from uuid import UUID

from services.gateway.applications import queries, rules
from services.gateway.applications.queries import Application
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


async def _terms(conn: Connection, application: Application) -> Terms:
    """The clock of an answer runs from the submission, whoever looked in between."""
    facts = await queries.select_clock_facts(conn, application.id)
    return Terms(
        organization_id=application.organization_id,
        applicant_id=application.applicant_id,
        since=facts.since,
        days={"answer_by": facts.answer_days},
    )


LIFE = Lifecycle(
    APPLICATION,
    update_state=queries.update_state,
    says=_says,
    terms=_terms,
    open_now=rules.COMMANDS,
)
begin, move, fire, rearm = LIFE.begin, LIFE.move, LIFE.fire, LIFE.rearm
