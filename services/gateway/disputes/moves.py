"""One step of a dispute's lifecycle. Whatever ends it also ends what it is about, at once."""

from typing import Any

from services.gateway.disputes import outcomes, queries, rules
from services.gateway.disputes.queries import Dispute
from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import DISPUTE, Who
from services.gateway.lifecycles.dispute import Status
from services.gateway.timers.planning import Terms
from shared.database import Connection


def _says(dispute: Dispute) -> dict[str, Any]:
    return {
        "dispute_id": dispute.id,
        "engagement_id": dispute.engagement_id,
        "milestone_id": dispute.milestone_id,
        "project_id": dispute.project_id,
        "organization_id": dispute.organization_id,
        "applicant_id": dispute.applicant_id,
        "intern_share": dispute.intern_share,
    }


async def _terms(_conn: Connection, dispute: Dispute) -> Terms:
    """Only the side that did not open it owes an answer."""
    filed_by_applicant = dispute.filer == "applicant"
    answering = dispute.state is Status.OPENED
    return Terms(
        organization_id=None if answering and not filed_by_applicant else dispute.organization_id,
        applicant_id=None if answering and filed_by_applicant else dispute.applicant_id,
    )


LIFE = Lifecycle(
    DISPUTE,
    update_state=queries.update_state,
    says=_says,
    terms=_terms,
    open_now=rules.COMMANDS,
)
move, begin = LIFE.move, LIFE.begin


def check(command: str, dispute: Dispute, who: frozenset[Who]) -> None:
    """Refuse what the table would refuse, before anything is written."""
    DISPUTE.move(dispute.state, command, who, open_now=rules.COMMANDS)


async def fire(conn: Connection, dispute: Dispute, timer: str) -> Dispute:
    """Nobody answered: the claim is right. Nobody took it: it is given to somebody. Nobody decided:
    delivered work is paid."""
    match timer:
        case "answer_by":
            share = min(dispute.claim, await outcomes.at_stake(conn, dispute))
        case "take_by":
            await queries.update_mediator(
                conn, dispute.id, await queries.select_free_mediator(conn, dispute.id)
            )
            return await LIFE.fire(conn, dispute, timer)
        case _:
            share = await outcomes.delivered(conn, dispute)
    moved = await LIFE.fire(conn, dispute, timer, intern_share=share)
    await outcomes.carry_out(conn, moved, outcome=outcomes.default_of(moved), share=share)
    return moved
