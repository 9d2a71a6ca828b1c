"""A badge is made once: another one with another signature would not be the same badge. Only
withdrawals that are missing are written again."""

from services.credentialing.handlers import ENDED, withdraw_badge
from shared.messaging import on
from shared.messaging.replaying import Pass, Projection

PROJECTION = Projection(
    what=(
        "Marks badges as withdrawn whose withdrawal is missing. No badge is made or signed again: "
        "one that is lost comes back from a backup alone."
    ),
    passes=[Pass([on(event, withdraw_badge) for event in ENDED])],
    at_their_time=True,
)
