"""How long a mail is tried: ten times within a good day, three days at the most."""

from datetime import datetime, timedelta

PAUSES = (5, 30, 120, 600, 3600, 4 * 3600, 6 * 3600, 6 * 3600, 8 * 3600)
TRIES = len(PAUSES) + 1
LONGEST = timedelta(days=3)


def next_try(attempts: int, *, created_at: datetime, now: datetime) -> datetime | None:
    """When to try again after this many attempts, or None when it is over."""
    if attempts >= TRIES or now - created_at >= LONGEST:
        return None
    return now + timedelta(seconds=PAUSES[max(attempts, 1) - 1])
