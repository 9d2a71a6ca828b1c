"""What this room forgets, and when. The notices stay: they are each person's own list."""

from datetime import timedelta

from shared.database.purging import Purge

PURGES = (
    # How a mail went is asked within days. No notice is made twice, so no mail is sent twice.
    Purge(
        "deliveries",
        timedelta(days=90),
        """DELETE FROM deliveries WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM deliveries WHERE created_at < $1 AND state <> 'due' LIMIT $2))""",
    ),
)
