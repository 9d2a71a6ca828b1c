from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Otherwise, Remind, Rest, Timer, Who
from shared.events import payments as say


class Status(StrEnum):
    DUE = "due"
    HOLDING = "holding"
    HELD = "held"
    SCHEDULED = "scheduled"
    REFUNDING = "refunding"
    FROZEN = "frozen"
    SENDING = "sending"
    PAID = "paid"
    RETRYING = "retrying"
    UNCLAIMED = "unclaimed"
    REFUNDED = "refunded"
    REFUND_STUCK = "refund_stuck"
    VOID = "void"


PAYMENT = Machine(
    record="payment",
    initial=frozenset({Status.DUE}),
    terminal=frozenset({Status.PAID, Status.REFUNDED, Status.VOID}),
    resting={
        Status.UNCLAIMED: "money owed to an intern is never forfeited; reminder at 7, 30, 90 days then yearly",
        Status.REFUND_STUCK: "never marked returned without the provider's proof; operators paged daily",
    },
    moves=(
        Move(
            "fund",
            Status.DUE,
            Status.HOLDING,
            frozenset({Who.SYSTEM, Who.EMPLOYER}),
            say.PaymentHoldRequested,
            "idempotency key to the provider",
        ),
        Move(
            "hold_ok",
            Status.HOLDING,
            Status.HELD,
            frozenset({Who.PAYMENT_PROVIDER}),
            say.PaymentHeld,
        ),
        Move(
            "hold_fail",
            Status.HOLDING,
            Status.DUE,
            frozenset({Who.PAYMENT_PROVIDER}),
            say.PaymentHoldFailed,
        ),
        Move(
            "release",
            Status.HELD,
            Status.SCHEDULED,
            frozenset({Who.SYSTEM}),
            say.PaymentReleaseScheduled,
            "from milestone.accepted / auto_accepted / dispute decision",
        ),
        Move(
            "refund",
            Status.HELD,
            Status.REFUNDING,
            frozenset({Who.SYSTEM}),
            say.PaymentRefundRequested,
            "project or milestone ended",
        ),
        Move(
            "freeze",
            Status.HELD,
            Status.FROZEN,
            frozenset({Who.SYSTEM}),
            say.PaymentFrozen,
            "dispute or fraud hold",
        ),
        Move("freeze", Status.SCHEDULED, Status.FROZEN, frozenset({Who.SYSTEM}), say.PaymentFrozen),
        Move(
            "decide_release",
            Status.FROZEN,
            Status.SCHEDULED,
            frozenset({Who.SYSTEM}),
            say.PaymentReleaseScheduled,
            "split = two child payments",
        ),
        Move(
            "decide_refund",
            Status.FROZEN,
            Status.REFUNDING,
            frozenset({Who.SYSTEM}),
            say.PaymentRefundRequested,
        ),
        Move("send", Status.SCHEDULED, Status.SENDING, frozenset({Who.TIMER}), say.PaymentSending),
        Move(
            "sent_ok",
            Status.SENDING,
            Status.PAID,
            frozenset({Who.PAYMENT_PROVIDER}),
            say.PaymentPaid,
            "receipt with fee, tax withheld, net",
        ),
        Move(
            "sent_fail",
            Status.SENDING,
            Status.RETRYING,
            frozenset({Who.PAYMENT_PROVIDER}),
            say.PaymentSendFailed,
            "backoff 1 min to 6 h",
        ),
        Move(
            "resend",
            Status.RETRYING,
            Status.SENDING,
            frozenset({Who.SYSTEM, Who.OPERATOR, Who.APPLICANT}),
            say.PaymentSending,
            "new payout details count as a retry",
        ),
        Move(
            "resend",
            Status.UNCLAIMED,
            Status.SENDING,
            frozenset({Who.SYSTEM, Who.APPLICANT}),
            say.PaymentSending,
        ),
        Move(
            "refund_ok",
            Status.REFUNDING,
            Status.REFUNDED,
            frozenset({Who.PAYMENT_PROVIDER}),
            say.PaymentRefunded,
        ),
        Move(
            "resend",
            Status.REFUND_STUCK,
            Status.REFUNDING,
            frozenset({Who.SYSTEM, Who.OPERATOR}),
            say.PaymentRefundRequested,
            "poll the provider first",
        ),
    ),
    timers=(
        Timer(
            "fund_by",
            Status.DUE,
            7,
            Status.VOID,
            say.PaymentVoid,
            "follows project.fund_by",
            waits_on=frozenset({Who.EMPLOYER}),
        ),
        Timer(
            "provider_by",
            Status.HOLDING,
            1,
            Status.DUE,
            say.PaymentHoldLapsed,
            "poll the provider before lapsing",
            waits_on=frozenset({Who.PAYMENT_PROVIDER}),
        ),
        Timer(
            "orphan_check",
            Status.HELD,
            60,
            Status.REFUNDING,
            say.PaymentRefundRequested,
            "no live engagement; alarm at day 30",
            waits_on=frozenset({Who.OPERATOR}),
            reminders=(Remind(after=30),),
        ),
        Timer(
            "cooling",
            Status.SCHEDULED,
            1,
            Status.SENDING,
            say.PaymentSending,
            "0-1 d",
            waits_on=frozenset({Who.SYSTEM}),
        ),
        Timer(
            "provider_by",
            Status.SENDING,
            1,
            Status.RETRYING,
            say.PaymentSendUnknown,
            "poll first, never send twice",
            waits_on=frozenset({Who.PAYMENT_PROVIDER}),
        ),
        Timer(
            "give_up",
            Status.RETRYING,
            3,
            Status.UNCLAIMED,
            say.PaymentNeedsOperator,
            "intern told what is wrong",
            waits_on=frozenset({Who.APPLICANT}),
            since="troubled",
            left=3,
        ),
        Timer(
            "decide_by",
            Status.FROZEN,
            20,
            Status.SCHEDULED,
            say.PaymentReleaseScheduled,
            "default follows the Dispute default",
            waits_on=frozenset({Who.MODERATOR}),
            otherwise=Otherwise("refund_decided", Status.REFUNDING, say.PaymentRefundRequested),
        ),
        Timer(
            "provider_by",
            Status.REFUNDING,
            3,
            Status.REFUND_STUCK,
            say.PaymentNeedsOperator,
            "poll the provider first",
            waits_on=frozenset({Who.PAYMENT_PROVIDER}),
        ),
    ),
    reminded=say.PaymentReminded,
    rests=(
        Rest(
            Status.UNCLAIMED,
            frozenset({Who.APPLICANT}),
            (Remind(after=7), Remind(after=30), Remind(after=90, every=365)),
        ),
        Rest(Status.REFUND_STUCK, frozenset({Who.OPERATOR}), (Remind(after=1, every=1),)),
    ),
)
