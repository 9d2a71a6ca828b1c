"""The one error tree. Rules and queries raise; `problems.py` and `consumer.py` catch.

Refusal
├── Invalid           malformed or missing
├── NotAllowed        who you are
│   └── Unauthenticated
├── NotFound          no such thing for you
├── Conflict          the state forbids it, or it is already done
│   └── Stale         the caller saw an older version
├── TooMany           too often; later
└── Unavailable       a neighbour is away; later
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """Something the person or program who asked can read and act on."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class Invalid(Refusal):
    code = "invalid"


class NotAllowed(Refusal):
    code = "not_allowed"


class Unauthenticated(NotAllowed):
    code = "unauthenticated"


class NotFound(Refusal):
    code = "not_found"


class Conflict(Refusal):
    code = "conflict"


class Stale(Conflict):
    code = "stale"


class TooMany(Refusal):
    code = "too_many"


class Unavailable(Refusal):
    code = "unavailable"
