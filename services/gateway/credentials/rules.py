from collections.abc import Iterable

from services.gateway.lifecycles import CREDENTIAL, Who
from shared.errors import Invalid

COMMANDS = frozenset({"attest", "refuse", "publish", "revoke"})


def allowed(state: str, who: frozenset[Who]) -> list[str]:
    return [name for name in CREDENTIAL.allowed(state, who) if name in COMMANDS]


def check_attested(attested: Iterable[str], proposed: Iterable[str]) -> None:
    if unknown := set(attested) - set(proposed):
        raise Invalid("Only skills of the project can be confirmed.", unknown=sorted(unknown)[:20])
