import hashlib
import hmac
from uuid import UUID

from aiohttp import web

from services.gateway.commands import command_routes
from services.gateway.http import (
    ANYONE,
    SIGNED_IN,
    Paging,
    Route,
    answer,
    body,
    connection,
    cursor,
    expected_version,
    page,
    path_id,
    query,
    read,
    viewer,
)
from services.gateway.lifecycles import PAYMENT
from services.gateway.organizations.queries import select_role
from services.gateway.payments import actions, answers, ledger, orders, payouts, queries, rules
from services.gateway.payments.providers import bank_file, sandbox
from services.gateway.payments.providers.bank_file import Debtor
from services.gateway.payments.queries import Payment
from services.gateway.payments.schemas import (
    BehaviourRequest,
    BehaviourView,
    CallbackRequest,
    CommandRequest,
    LedgerView,
    OrderView,
    PaymentsView,
    PaymentView,
    PayoutAccountRequest,
    PayoutAccountView,
    PayoutRequest,
    PayoutView,
    ProvidersRequest,
    ProvidersView,
    ReceiptView,
    ResultsView,
    TakenView,
    TotalView,
    WithholdingRequest,
    WithholdingView,
)
from services.gateway.schemas import Page, Request
from services.gateway.viewer import Viewer
from shared.errors import NotAllowed, NotFound, Unauthenticated

# Without a secret, no provider may call back.
PROVIDER_SECRET: web.AppKey[str] = web.AppKey("provider_secret", str)
SIGNATURE = "X-Sibol-Signature"
OPERATORS = frozenset({"operator"})


def view_of(payment: Payment, viewer: Viewer) -> PaymentView:
    who = viewer.roles(applicant=payment.is_applicant, employer=payment.is_employer)
    return PaymentView.of(payment, rules.allowed(payment.state, who))


def _views(payments: list[Payment], viewer: Viewer) -> PaymentsView:
    return PaymentsView(items=[view_of(payment, viewer) for payment in payments])


async def fund_project(request: web.Request) -> web.Response:
    await body(request, CommandRequest)
    async with connection(request) as conn:
        payments = await actions.fund_project(
            conn,
            project_id=path_id(request, "project_id"),
            viewer=viewer(request),
            expected=expected_version(request),
        )
    return answer(_views(payments, viewer(request)), status=202)


async def list_of_project(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        payments = await queries.select_of_project(
            conn,
            path_id(request, "project_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if not payments:
        raise NotFound("No such project of yours, or nothing is to be paid for it yet.")
    return answer(_views(payments, viewer(request)))


async def list_mine(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        payments = await queries.select_of_person(
            conn, viewer(request).id, before=at.before, limit=at.limit
        )
    views = [view_of(payment, viewer(request)) for payment in payments]
    return answer(page(views, at.limit, lambda item: item.id))


async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        payment = await queries.select_payment(
            conn,
            path_id(request, "payment_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if payment is None:
        raise NotFound("No such payment.")
    return answer(view_of(payment, viewer(request)), version=payment.version)


async def show_receipt(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        receipt = await queries.select_receipt(
            conn,
            path_id(request, "payment_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if receipt is None:
        raise NotFound("No such receipt. There is one when the payment is paid.")
    return answer(ReceiptView.of(receipt))


async def give(
    request: web.Request, payment_id: UUID, command: str, _wanted: Request
) -> web.Response:
    carry_out = {"fund": actions.fund, "resend": actions.resend}[command]
    async with connection(request) as conn:
        payment = await carry_out(
            conn,
            payment_id=payment_id,
            viewer=viewer(request),
            expected=expected_version(request),
        )
    return answer(view_of(payment, viewer(request)), version=payment.version)


async def show_payout_account(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        account = await queries.select_payout_account(conn, viewer(request).id)
    if account is None:
        raise NotFound("No account yet. Name one with PUT /v1/me/payout-account.")
    return answer(PayoutAccountView.of(account))


async def put_payout_account(request: web.Request) -> web.Response:
    wanted = await body(request, PayoutAccountRequest)
    async with connection(request) as conn:
        account = await actions.put_payout_account(
            conn, viewer=viewer(request), **wanted.model_dump()
        )
    return answer(PayoutAccountView.of(account))


async def show_withholding(request: web.Request) -> web.Response:
    organization_id = path_id(request, "organization_id")
    async with connection(request) as conn:
        if not await select_role(
            conn, organization_id=organization_id, person_id=viewer(request).id
        ):
            raise NotFound("No such organization of yours.")
        basis_points = await queries.select_withholding(conn, organization_id)
    return answer(WithholdingView(basis_points=basis_points))


async def withhold(request: web.Request) -> web.Response:
    wanted = await body(request, WithholdingRequest)
    async with connection(request) as conn:
        await actions.withhold(
            conn,
            organization_id=path_id(request, "organization_id"),
            viewer=viewer(request),
            basis_points=wanted.basis_points,
        )
    return answer(WithholdingView(basis_points=wanted.basis_points))


async def take_callback(request: web.Request) -> web.Response:
    """The signature is the HMAC-SHA256 of the body, as `sha256=` and hexadecimal digits."""
    check_signature(
        request.app.get(PROVIDER_SECRET, ""), await read(request), request.headers.get(SIGNATURE)
    )
    said = await body(request, CallbackRequest)
    async with connection(request) as conn:
        order = await orders.select_order(conn, said.order_id)
        if order is None or order.provider != request.match_info["provider"]:
            raise NotFound("No such order of this provider.")
        await answers.take(conn, order, said.answer())
    return answer(TakenView(taken=True))


def check_signature(secret: str, raw: bytes, given: str | None) -> None:
    wanted = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(wanted.encode(), (given or "").encode()):
        raise Unauthenticated(f"{SIGNATURE} must be sha256= and the HMAC-SHA256 of the body.")


async def tell_sandbox(request: web.Request) -> web.Response:
    """Operators for all; whoever owns a sandbox for its projects."""
    wanted = await body(request, BehaviourRequest)
    async with connection(request) as conn:
        if not await actions.may_tell(conn, viewer=viewer(request), project_id=wanted.project_id):
            raise NotAllowed("Operators tell it for all; the owner of a sandbox for its projects.")
        await sandbox.upsert_behaviour(conn, **wanted.model_dump())
    return answer(BehaviourView.model_validate(wanted, from_attributes=True))


async def choose_providers(request: web.Request) -> web.Response:
    wanted = await body(request, ProvidersRequest)
    async with connection(request) as conn:
        await orders.choose_providers(conn, wanted.model_dump())
    return answer(ProvidersView.model_validate(wanted, from_attributes=True))


async def make_payout(request: web.Request) -> web.Response:
    wanted = await body(request, PayoutRequest)
    async with connection(request) as conn:
        payout = await payouts.make(
            conn, viewer=viewer(request), debtor=Debtor(**wanted.model_dump())
        )
    return answer(PayoutView.of(payout), status=201)


async def show_payout_file(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        payout = await payouts.find(conn, path_id(request, "payout_id"))
    return web.Response(
        body=payout.text.encode(),
        content_type="application/xml",
        charset="utf-8",
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="payout-{payout.id}.xml"',
        },
    )


async def take_payout_results(request: web.Request) -> web.Response:
    return await _take_results(request, path_id(request, "payout_id"))


async def take_order_results(request: web.Request) -> web.Response:
    return await _take_results(request, None)


async def _take_results(request: web.Request, payout_id: UUID | None) -> web.Response:
    raw = await read(request)
    async with connection(request) as conn:
        if payout_id is not None:
            await payouts.find(conn, payout_id)
        results = bank_file.results(raw)
        unknown = await payouts.take_results(conn, results, payout_id=payout_id)
    return answer(ResultsView(taken=len(results) - len(unknown), unknown=unknown))


async def list_orders(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await orders.select_of_a_bank(conn, before=at.before, limit=at.limit)
    views = [OrderView.of(order) for order in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def show_ledger(request: web.Request) -> web.Response:
    async with connection(request) as conn, conn.transaction(isolation="repeatable_read"):
        totals = await ledger.trial_balance(conn)
        wrong = await ledger.count_unbalanced(conn)
        surprises = await orders.count_surprises(conn)
    total = sum(each.balance for each in totals)
    return answer(
        LedgerView(
            balanced=wrong == 0 and total == 0,
            wrong=wrong,
            total=total,
            accounts=[TotalView.of(each) for each in totals],
            surprises=surprises,
        )
    )


PEOPLE = [
    Route(
        "POST",
        "/v1/projects/{project_id}/fund",
        fund_project,
        "Pay the fee of every seat into holding; the posting opens when all of it is held",
        ("employer",),
        takes=CommandRequest,
        gives=PaymentsView,
        status=202,
    ),
    Route(
        "GET",
        "/v1/projects/{project_id}/payments",
        list_of_project,
        "What is due, held and paid for a posting",
        ("employer",),
        gives=PaymentsView,
    ),
    Route(
        "GET",
        "/v1/me/payments",
        list_mine,
        "What is held for me, on its way and paid, and by when",
        (SIGNED_IN,),
        filters=Paging,
        gives=Page[PaymentView],
    ),
    Route(
        "GET",
        "/v1/payments/{payment_id}",
        show,
        "One payment",
        ("applicant", "employer", "moderator"),
        gives=PaymentView,
    ),
    Route(
        "GET",
        "/v1/payments/{payment_id}/receipt",
        show_receipt,
        "What was paid, what tax was withheld, and what arrived",
        ("applicant", "employer", "moderator"),
        gives=ReceiptView,
    ),
    *command_routes(
        PAYMENT, give, gives=PaymentView, takes=dict.fromkeys(rules.COMMANDS, CommandRequest)
    ),
    Route(
        "GET",
        "/v1/me/payout-account",
        show_payout_account,
        "Where I am paid",
        (SIGNED_IN,),
        gives=PayoutAccountView,
    ),
    Route(
        "PUT",
        "/v1/me/payout-account",
        put_payout_account,
        "Where I am paid from now on; what could not be sent is sent again",
        (SIGNED_IN,),
        takes=PayoutAccountRequest,
        gives=PayoutAccountView,
    ),
    Route(
        "GET",
        "/v1/organizations/{organization_id}/withholding",
        show_withholding,
        "What tax this employer withholds from pay",
        ("employer",),
        gives=WithholdingView,
    ),
    Route(
        "PUT",
        "/v1/organizations/{organization_id}/withholding",
        withhold,
        "Say what tax this employer withholds from pay, as the law asks of it",
        ("owner",),
        takes=WithholdingRequest,
        gives=WithholdingView,
    ),
]
PROVIDERS = [
    Route(
        "POST",
        "/v1/provider/{provider}/callbacks",
        take_callback,
        "What a payment provider says of an order, signed",
        (ANYONE,),
        takes=CallbackRequest,
        gives=TakenView,
        notes=f"\n`{SIGNATURE}: sha256=...` is the HMAC-SHA256 of the body with the shared secret.",
    ),
    Route(
        "POST",
        "/v1/sandbox/provider",
        tell_sandbox,
        "Tell the sandbox's payment provider how to behave",
        ("operator", "owner"),
        takes=BehaviourRequest,
        gives=BehaviourView,
    ),
]
OPERATIONS = [
    Route(
        "PUT",
        "/v1/operations/providers",
        choose_providers,
        "Which provider is asked from now on",
        ("operator",),
        takes=ProvidersRequest,
        gives=ProvidersView,
        duties=OPERATORS,
    ),
    Route(
        "GET",
        "/v1/operations/ledger",
        show_ledger,
        "The trial balance, and whether everything comes to zero",
        ("operator",),
        gives=LedgerView,
        duties=OPERATORS,
    ),
    Route(
        "GET",
        "/v1/operations/orders",
        list_orders,
        "What a person must carry to a bank, or look for on its statement",
        ("operator",),
        filters=Paging,
        gives=Page[OrderView],
        duties=OPERATORS,
    ),
    Route(
        "POST",
        "/v1/operations/orders/results",
        take_order_results,
        "What a bank's statement says of orders of any kind",
        ("operator",),
        gives=ResultsView,
        takes_file=True,
        duties=OPERATORS,
    ),
    Route(
        "POST",
        "/v1/payouts",
        make_payout,
        "Put every payment that waits for a bank into one file",
        ("operator",),
        takes=PayoutRequest,
        gives=PayoutView,
        status=201,
        duties=OPERATORS,
    ),
    Route(
        "GET",
        "/v1/payouts/{payout_id}.xml",
        show_payout_file,
        "The file for the bank: ISO 20022 pain.001.001.09",
        ("operator",),
        media_type="application/xml",
        duties=OPERATORS,
    ),
    Route(
        "POST",
        "/v1/payouts/{payout_id}/results",
        take_payout_results,
        "The bank's result: pain.002, or lines of order id, done or failed, and a note",
        ("operator",),
        gives=ResultsView,
        takes_file=True,
        duties=OPERATORS,
    ),
]
ROUTES = [*PEOPLE, *PROVIDERS, *OPERATIONS]
