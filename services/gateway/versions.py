from shared.errors import Stale


def check_version(expected: int | None, version: int) -> None:
    """`expected` is None when the caller does not mind."""
    if expected is not None and expected != version:
        raise Stale(
            f"The record has changed: it is at version {version}, you named {expected}. "
            "Read it again, then decide."
        )
