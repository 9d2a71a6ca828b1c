"""One step of a credential's lifecycle."""

from uuid import UUID

from services.gateway.credentials import queries, rules
from services.gateway.credentials.queries import Credential
from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import CREDENTIAL
from services.gateway.timers.planning import Terms
from shared.database import Connection


def _says(credential: Credential) -> dict[str, UUID]:
    return {
        "credential_id": credential.id,
        "engagement_id": credential.engagement_id,
        "project_id": credential.project_id,
        "organization_id": credential.organization_id,
        "holder_id": credential.holder_id,
    }


async def _terms(_conn: Connection, credential: Credential) -> Terms:
    return Terms(organization_id=credential.organization_id, applicant_id=credential.holder_id)


LIFE = Lifecycle(
    CREDENTIAL,
    update_state=queries.update_state,
    says=_says,
    terms=_terms,
    open_now=rules.COMMANDS,
)
begin, move, fire, rearm = LIFE.begin, LIFE.move, LIFE.fire, LIFE.rearm
