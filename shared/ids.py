from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """UUIDv7: sorts by the time it was made."""
    return uuid7()
