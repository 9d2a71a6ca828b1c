"""What needs both sides: the first proposes, the other agrees. The caller holds the record's lock."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.gateway.proposals import queries, rules
from services.gateway.proposals.queries import Proposal
from shared.database import Connection
from shared.errors import Conflict


@dataclass(frozen=True)
class Side:
    party: str
    person_id: UUID


@dataclass(frozen=True)
class Asked:
    """Terms of one's own, or the id of the other side's proposal."""

    terms: dict[str, Any]
    proposal_id: UUID | None = None


@dataclass(frozen=True)
class Consent:
    """`agreed` when both sides want it; `proposal` says what, and who proposed it."""

    proposal: Proposal
    agreed: bool


async def propose(
    conn: Connection,
    *,
    record: str,
    record_id: UUID,
    command: str,
    side: Side,
    asked: Asked,
) -> Consent:
    rules.check_asked(asked.terms, agrees=asked.proposal_id is not None)
    standing = await queries.select_proposal(conn, record_id, command)
    if asked.proposal_id is not None:
        return await _agree(conn, _named(standing, asked.proposal_id), side)
    if standing is not None and _same(standing, side, asked.terms):
        return await _agree(conn, standing, side)
    proposal = await queries.upsert_proposal(
        conn,
        record=record,
        record_id=record_id,
        command=command,
        terms=asked.terms,
        party=side.party,
        person_id=side.person_id,
    )
    return Consent(proposal, agreed=False)


async def _agree(conn: Connection, proposal: Proposal, side: Side) -> Consent:
    rules.check_agreeable(made_at=proposal.made_at, made_by=proposal.party, party=side.party)
    await queries.delete_proposal(conn, proposal.id)
    return Consent(proposal, agreed=True)


def _named(standing: Proposal | None, proposal_id: UUID) -> Proposal:
    if standing is None or standing.id != proposal_id:
        raise Conflict("That proposal no longer stands. Read the record again, or propose anew.")
    return standing


def _same(standing: Proposal, side: Side, terms: dict[str, Any]) -> bool:
    """Whether the other side has just proposed the very same."""
    mine = standing.party == side.party
    return not mine and rules.stands(standing.made_at) and standing.terms == terms
