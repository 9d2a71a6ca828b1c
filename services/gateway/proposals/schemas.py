from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from services.gateway.proposals import rules
from services.gateway.schemas import Request, View


class ProposalRequest(Request):
    """Terms to propose; or, alone, the id of what the other side proposed, to agree to it. A
    proposal stands for 7 days, as long as the record stays in its state."""

    proposal_id: UUID | None = None

    def terms(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"proposal_id"}, exclude_none=True)


class ProposalView(View):
    """`party` proposed it; the other side agrees by giving `command` with this id as proposal_id."""

    id: UUID
    command: str
    terms: dict[str, Any]
    party: str
    made_at: datetime

    @classmethod
    def standing(cls, proposals: Iterable[dict[str, Any]]) -> list[Self]:
        views = [cls.model_validate(facts) for facts in proposals]
        return [view for view in views if rules.stands(view.made_at)]
