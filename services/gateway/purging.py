"""What the gateway forgets, and when."""

from datetime import timedelta

from shared.database.purging import Purge

PURGES = (
    # A client may repeat a command for three days; a few more, for one that slept over a weekend.
    Purge(
        "idempotency_keys",
        timedelta(days=7),
        """DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM idempotency_keys WHERE created_at < $1 LIMIT $2))""",
    ),
    # Nobody can sign in with them any more.
    Purge(
        "sessions",
        timedelta(days=1),
        """DELETE FROM sessions WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM sessions WHERE expires_at < $1 LIMIT $2))""",
    ),
    # Names and account numbers, needed until the bank has answered for every order in the file; and
    # then for as long as a bank may be asked what it did.
    Purge(
        "payout_files",
        timedelta(days=90),
        """UPDATE payouts SET text = '' WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM payouts
                WHERE made_at < $1 AND text <> ''
                  AND NOT EXISTS (SELECT FROM payment_orders
                                   WHERE payout_id = payouts.id AND state IN ('waiting', 'asked'))
                LIMIT $2))""",
    ),
)
