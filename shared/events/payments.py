from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class PaymentEvent(Event):
    """`state` is the state after; `reason` a code; `amount` in centavos. Until somebody holds the
    seat there is no engagement, milestone or applicant."""

    subject_field: ClassVar[str] = "payment_id"

    payment_id: UUID
    project_id: UUID
    organization_id: UUID
    engagement_id: UUID | None = None
    milestone_id: UUID | None = None
    applicant_id: UUID | None = None
    amount: int
    currency: str
    state: str
    reason: str | None = None


class PaymentHoldRequested(PaymentEvent):
    """The employer asked the provider to hold the fee."""

    name: ClassVar[str] = "payment.hold_requested.v1"


class PaymentHeld(PaymentEvent):
    """The provider holds the fee."""

    name: ClassVar[str] = "payment.held.v1"


class PaymentHoldFailed(PaymentEvent):
    """The provider could not hold the fee."""

    name: ClassVar[str] = "payment.hold_failed.v1"


class PaymentHoldLapsed(PaymentEvent):
    """The provider did not answer in time; the fee is due again."""

    name: ClassVar[str] = "payment.hold_lapsed.v1"


class PaymentVoid(PaymentEvent):
    """The fee was never held and is no longer asked for."""

    name: ClassVar[str] = "payment.void.v1"


class PaymentReleaseScheduled(PaymentEvent):
    """The fee was earned and will be sent after a day of cooling."""

    name: ClassVar[str] = "payment.release_scheduled.v1"


class PaymentFrozen(PaymentEvent):
    """The fee stands still until a dispute or a check is over."""

    name: ClassVar[str] = "payment.frozen.v1"


class PaymentSending(PaymentEvent):
    """The provider was asked to pay the intern."""

    name: ClassVar[str] = "payment.sending.v1"


class PaymentPaid(PaymentEvent):
    """The intern has the money."""

    name: ClassVar[str] = "payment.paid.v1"


class PaymentSendFailed(PaymentEvent):
    """The provider could not pay the intern; it is tried again."""

    name: ClassVar[str] = "payment.send_failed.v1"


class PaymentSendUnknown(PaymentEvent):
    """The provider did not say whether it paid; it is asked before anything is sent again."""

    name: ClassVar[str] = "payment.send_unknown.v1"


class PaymentNeedsOperator(PaymentEvent):
    """A person must look at a payment that does not go through."""

    name: ClassVar[str] = "payment.needs_operator.v1"


class PaymentRefundRequested(PaymentEvent):
    """The provider was asked to give the fee back to the employer."""

    name: ClassVar[str] = "payment.refund_requested.v1"


class PaymentRefunded(PaymentEvent):
    """The employer has the fee back."""

    name: ClassVar[str] = "payment.refunded.v1"


class PaymentReminded(PaymentEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "payment.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


EVENTS: tuple[type[Event], ...] = (
    PaymentHoldRequested,
    PaymentHeld,
    PaymentHoldFailed,
    PaymentHoldLapsed,
    PaymentVoid,
    PaymentReleaseScheduled,
    PaymentFrozen,
    PaymentSending,
    PaymentPaid,
    PaymentSendFailed,
    PaymentSendUnknown,
    PaymentNeedsOperator,
    PaymentRefundRequested,
    PaymentRefunded,
    PaymentReminded,
)
