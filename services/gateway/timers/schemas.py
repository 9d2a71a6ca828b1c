from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from services.gateway.lifecycles import Machine
from services.gateway.schemas import View


class DueView(View):
    """Until `due_at` those of `waits_on` may act; then the record becomes `then` by itself, or stays
    where it is when `then` is null."""

    name: str
    due_at: datetime
    waits_on: list[str]
    then: str | None

    @classmethod
    def of(cls, machine: Machine, state: str, timers: Sequence[Mapping[str, Any]]) -> list[Self]:
        thens = {timer.name: timer.to for timer in machine.timers_in(state)}
        return [cls.model_validate({**timer, "then": thens.get(timer["name"])}) for timer in timers]
