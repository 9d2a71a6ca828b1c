"""The payment provider of the sandbox: it holds what it is asked to hold, and says yes."""

from uuid import UUID

from shared import log


async def hold_funds(*, project_id: UUID, amount: int) -> None:
    """`amount` in centavos."""
    log.get().info("funds_held", project_id=str(project_id), amount=amount)
