from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from services.gateway.disputes.queries import Dispute
from services.gateway.disputes.rules import Outcome
from services.gateway.lifecycles import DISPUTE
from services.gateway.proposals.schemas import ProposalRequest, ProposalView
from services.gateway.schemas import Request, Text4000, View
from services.gateway.timers.schemas import DueView

LARGEST = 10**12
Share = Annotated[int, Field(ge=0, le=LARGEST, description="what the intern gets, in centavos")]
# Python's enums are not JSON's strings to a strict model.
OutcomeWord = Literal["continue", "end", "done"]
Cause = Literal["quality", "scope_changed", "terms", "pay", "silence", "misconduct", "other"]


class DisputeRequest(Request):
    """`claim` is what the intern should get of the disputed fee, in centavos. The other side has 5
    working days to answer; if it does not, the claim is taken as right."""

    claim: Share
    statement: Text4000
    reason: Cause


class AnswerRequest(Request):
    """`share` is what the intern should get in the eyes of the side that answers. Naming the claim
    itself settles a dispute over a milestone at once."""

    statement: Text4000
    share: Share


class CommandRequest(Request):
    pass


class SettleRequest(ProposalRequest):
    """Terms for a milestone: intern_share. For an engagement: outcome, and intern_share unless the
    work goes on."""

    outcome: OutcomeWord | None = None
    intern_share: Share | None = None


class DecideRequest(Request):
    """Terms as for settling, with the reasons in writing."""

    outcome: OutcomeWord | None = None
    intern_share: Share | None = None
    reasons: Text4000


class AppealRequest(Request):
    statement: Text4000


class AppealDecisionRequest(Request):
    intern_share: Share
    reasons: Text4000


class DisputeView(View):
    """`fee` is what is disputed; `claim`, `answer_share` and `intern_share` are what the intern gets
    of it: as claimed, as answered, as agreed or decided."""

    id: UUID
    engagement_id: UUID
    milestone_id: UUID | None
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    filer: str
    fee: int
    claim: int
    statement: str
    answer: str | None
    answer_share: int | None
    outcome: Outcome | None
    intern_share: int | None
    reasons: str | None
    appeal: str | None
    appellant: str | None
    appealed_at: datetime | None
    appeal_reasons: str | None
    appeal_ended_at: datetime | None
    state: str
    reason: str | None
    version: int
    mediated: bool
    proposals: list[ProposalView]
    due: list[DueView]
    allowed: list[str]
    opened_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, dispute: Dispute, allowed: list[str]) -> Self:
        own = {
            "mediated": dispute.mediator_id is not None,
            "proposals": ProposalView.standing(dispute.proposals),
            "due": DueView.of(DISPUTE, dispute.state, dispute.timers),
            "allowed": allowed,
        }
        facts = {name: getattr(dispute, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)
