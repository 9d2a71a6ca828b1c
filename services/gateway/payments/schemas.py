from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, WithJsonSchema

from services.gateway.lifecycles import PAYMENT
from services.gateway.lifecycles.payment import Status
from services.gateway.payments import rules
from services.gateway.payments.ledger import Total
from services.gateway.payments.orders import Order
from services.gateway.payments.payouts import Payout
from services.gateway.payments.providers import Done, Failed
from services.gateway.payments.providers.sandbox import Behaviour
from services.gateway.payments.queries import Payment, PayoutAccount, Receipt
from services.gateway.schemas import Line120, ReasonCode, Request, View, shaped
from services.gateway.timers.schemas import DueView

ACCOUNT = r"^[A-Za-z0-9-]{4,34}$"
AccountNumber = Annotated[
    str,
    shaped(ACCOUNT, "must be 4 to 34 letters, digits and hyphens, as the bank writes it"),
    WithJsonSchema({"type": "string", "pattern": ACCOUNT}),
]
OrderKind = Literal["hold", "pay", "refund"]
ProviderName = Literal["sandbox", "bank_file"]


class CommandRequest(Request):
    pass


class PayoutAccountRequest(Request):
    """`bank` is a BIC, or the bank's name."""

    holder: Line120
    bank: Line120
    number: AccountNumber


class WithholdingRequest(Request):
    """Hundredths of a percent: 1000 is 10 %."""

    basis_points: Annotated[int, Field(ge=0, le=1500)]


class WithholdingView(View):
    basis_points: int


class BehaviourRequest(Request):
    """For one project or all, for one kind of order or all. `seconds` is for `delay`."""

    behaviour: Behaviour = Field(strict=False)
    project_id: UUID | None = Field(default=None, strict=False)
    kind: OrderKind | None = None
    seconds: Annotated[float, Field(ge=0, le=86_400 * 90)] = 0


class BehaviourView(View):
    behaviour: str
    project_id: UUID | None
    kind: str | None
    seconds: float


class ProvidersRequest(Request):
    """Which provider is asked to hold, to pay and to give back from now on."""

    hold: ProviderName = "sandbox"
    pay: ProviderName = "sandbox"
    refund: ProviderName = "sandbox"


class ProvidersView(View):
    hold: str
    pay: str
    refund: str


def _due(payment: Payment) -> list[DueView]:
    found = DueView.of(PAYMENT, payment.state, payment.timers)
    if payment.refund_at is None:
        return found
    return [due.model_copy(update={"then": Status.REFUNDING.value}) for due in found]


class PaymentView(View):
    """Until `pay_by` the money is with the intern, if the work goes as planned and nobody disputes it;
    null once it is paid, or will not be. `net` is what arrives after the tax withheld. At `refund_at`
    it goes back to the employer, unless somebody appeals before."""

    id: UUID
    project_id: UUID
    engagement_id: UUID | None
    milestone_id: UUID | None
    seat: int
    position: int
    part: int
    split_of: UUID | None
    amount: int
    withheld: int
    net: int
    currency: str
    state: str
    reason: str | None
    version: int
    created_at: datetime
    changed_at: datetime
    pay_by: datetime | None
    refund_at: datetime | None
    due: list[DueView]
    allowed: list[str]

    @classmethod
    def of(cls, payment: Payment, allowed: list[str]) -> Self:
        own = {
            "allowed": allowed,
            "due": _due(payment),
            "net": payment.amount - payment.withheld,
            "pay_by": rules.pay_by(payment.state, payment.changed_at, payment.work),
        }
        facts = {name: getattr(payment, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)


class PaymentsView(View):
    items: list[PaymentView]


class PayoutAccountView(View):
    holder: str
    bank: str
    number: str
    changed_at: datetime

    @classmethod
    def of(cls, account: PayoutAccount) -> Self:
        return cls.model_validate(account, from_attributes=True)


class ReceiptView(View):
    """`fee` is what the platform keeps: nothing."""

    number: str
    payment_id: UUID
    organization_name: str
    applicant_name: str
    project_title: str
    milestone_title: str
    gross: int
    fee: int
    withheld: int
    net: int
    currency: str
    reference: str | None
    earned_at: datetime
    issued_at: datetime

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        number = f"{receipt.year}-{receipt.number:06}"
        facts = {name: getattr(receipt, name) for name in cls.model_fields if name != "number"}
        return cls.model_validate(facts | {"number": number})


class TotalView(View):
    kind: str
    accounts: int
    balance: int
    entries: int

    @classmethod
    def of(cls, total: Total) -> Self:
        return cls.model_validate(total, from_attributes=True)


class LedgerView(View):
    """`balanced`: every transaction and all accounts together come to zero, each account is the sum of
    its entries, and none lies below its floor. `wrong` counts what does not."""

    balanced: bool
    wrong: int
    total: int
    accounts: list[TotalView]
    surprises: int


class PayoutView(View):
    id: UUID
    count: int
    total: int
    made_at: datetime

    @classmethod
    def of(cls, payout: Payout) -> Self:
        return cls.model_validate(payout, from_attributes=True)


class ResultsView(View):
    """`taken` answers; `unknown` are no orders of this payout."""

    taken: int
    unknown: list[UUID]


class PayoutRequest(Request):
    """The account that the money leaves."""

    name: Line120
    account: AccountNumber
    bank: Line120


class OrderView(View):
    """Something that a person must carry to a bank, or look for on its statement."""

    id: UUID
    payment_id: UUID
    project_id: UUID
    kind: str
    amount: int
    currency: str
    state: str
    payout_id: UUID | None
    made_at: datetime

    @classmethod
    def of(cls, order: Order) -> Self:
        return cls.model_validate(order, from_attributes=True)


class CallbackRequest(Request):
    """What a provider says of an order: `done` with its reference, or `failed` with a code."""

    order_id: UUID = Field(strict=False)
    result: Literal["done", "failed"]
    amount: int | None = None
    reference: Annotated[str, Field(max_length=80)] = ""
    reason: ReasonCode = "refused"

    def answer(self) -> Done | Failed:
        if self.result == "failed":
            return Failed(self.reason)
        return Done(self.reference, self.amount)


class TakenView(View):
    taken: bool
