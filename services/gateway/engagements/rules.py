import hashlib
from typing import Protocol

from services.gateway.lifecycles import ENGAGEMENT, Who
from services.gateway.lifecycles.engagement import Status
from shared.errors import Conflict, NotAllowed

COMMANDS = frozenset({"sign", "decline", "check_in", "cancel", "ask_help", "terminate", "feedback"})
NEED_REASON = frozenset({"decline", "cancel", "terminate"})
PARTIES = frozenset({Who.APPLICANT, Who.EMPLOYER})
REVEALED = frozenset({Status.COMPLETED})


class Said(Protocol):
    """An engagement, as far as it says who has spoken."""

    @property
    def state(self) -> Status: ...
    @property
    def signed(self) -> list[str]: ...
    @property
    def feedback(self) -> list[str]: ...


def allowed_in(engagement: Said, who: frozenset[Who]) -> list[str]:
    """Without what this side has said already."""
    said = {"sign": engagement.signed, "feedback": engagement.feedback}
    return [
        name
        for name in ENGAGEMENT.allowed(engagement.state, who)
        if name in COMMANDS and not who & PARTIES & set(said.get(name, ()))
    ]


def party(who: frozenset[Who]) -> str:
    """Which side this person is on."""
    sides = who & PARTIES
    if not sides:
        raise NotAllowed("Only the intern and the employer may do this.")
    return min(sides)


def text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def check_text(signed: str, agreement_hash: bytes) -> None:
    if signed.lower() != agreement_hash.hex():
        raise Conflict(
            "The agreement you signed is not this one. Read it again and sign its agreement_hash.",
            agreement_hash=agreement_hash.hex(),
        )
