"""Notifications tell each person what happened to them, in their own language.

Hears: every event that concerns a person (`audience.py` is the whole list).
Owns: the schema `notifications` - each person's notices, and the mails that are due, sent or given up.
Shows: `notifications.public_notices` and `notifications.public_deliveries`.
Says: `notification.delivered.v1` and `notification.failed.v1`.

A handler writes rows; the loop in `sending.py` alone talks to the mail server.
"""
