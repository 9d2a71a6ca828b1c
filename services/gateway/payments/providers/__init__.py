"""What a payment provider must be able to do: be asked, and be asked again what became of it."""

from dataclasses import dataclass
from typing import Protocol

from services.gateway.payments.orders import Order


@dataclass(frozen=True)
class Pending:
    """Accepted; the answer comes later."""


@dataclass(frozen=True)
class Done:
    """The money has moved. `amount` where the provider names it."""

    reference: str
    amount: int | None = None


@dataclass(frozen=True)
class Failed:
    """The money has not moved, and by this order it never will."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """No answer, or none that proves anything."""


@dataclass(frozen=True)
class Unheard:
    """The provider knows no such order: it may be asked."""


Answer = Pending | Done | Failed | Unknown | Unheard


class Provider(Protocol):
    name: str

    async def ask(self, order: Order) -> Answer:
        """Asking twice with the same id moves the money once."""
        ...

    async def status(self, order: Order) -> Answer: ...
