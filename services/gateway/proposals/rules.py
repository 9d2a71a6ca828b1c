from datetime import datetime, timedelta
from typing import Any

from shared import clock
from shared.errors import Conflict, Invalid

STANDS = timedelta(days=7)


def stands(made_at: datetime) -> bool:
    return clock.now() < made_at + STANDS


def check_asked(terms: dict[str, Any], *, agrees: bool) -> None:
    """Somebody agrees to what was proposed, or names terms."""
    if agrees and terms:
        raise Invalid("Name the proposal_id to agree to, or terms of your own; not both.")
    if not agrees and not terms:
        raise Invalid("Name your terms, or the proposal_id that you agree to.")


def check_agreeable(*, made_at: datetime, made_by: str, party: str) -> None:
    if not stands(made_at):
        raise Conflict(f"That proposal lapsed after {STANDS.days} days. Propose it again.")
    if made_by == party:
        raise Conflict(
            "This is the proposal of your own side; it is for the other side to agree to it."
        )
