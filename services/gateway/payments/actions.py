from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.gateway.lifecycles import Who
from services.gateway.lifecycles.payment import Status
from services.gateway.lifecycles.project import Status as ProjectStatus
from services.gateway.organizations.queries import select_role
from services.gateway.payments import queries, rules
from services.gateway.payments.moves import APPEALABLE, begin, hold, move
from services.gateway.payments.queries import Payment, PayoutAccount
from services.gateway.projects.queries import lock_project
from services.gateway.projects.rules import allowed as allowed_of_project
from services.gateway.projects.rules import may_see
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotAllowed, NotFound

EMPLOYER = frozenset({Who.EMPLOYER})
APPLICANT = frozenset({Who.APPLICANT})
SPLIT = "split"
APPEALED = "appealed"
DECIDED = "dispute_decided"
SUSPENDED = "project_suspended"


async def fund_project(
    conn: Connection, *, project_id: UUID, viewer: Viewer, expected: int | None
) -> list[Payment]:
    """Ask the provider to hold the whole fee of every seat; the posting opens when all of it is held."""
    async with conn.transaction():
        project = await lock_project(conn, project_id, viewer_id=viewer.id)
        if project is None or not may_see(
            state=project.state, is_mine=project.is_mine, moderates=viewer.moderates
        ):
            raise NotFound("No such project.")
        check_version(expected, project.version)
        if not project.is_mine:
            raise NotAllowed("Only its employer may fund a posting.")
        open_now = allowed_of_project(project.state, viewer.roles(employer=True))
        rules.check_fundable(project.state, open_now)
        await bill(conn, project_id)
        payments = await queries.lock_of_project(conn, project_id, viewer_id=viewer.id)
        rules.check_left_to_fund(project.state, [each.state for each in payments], open_now)
        for payment in payments:
            if payment.state is Status.DUE:
                await move(conn, payment, "fund", EMPLOYER)
        return await queries.select_of_project(conn, project_id, viewer_id=viewer.id)


async def bill(conn: Connection, project_id: UUID) -> None:
    """What the employer owes, once; under the project's lock. The employer may be faster than the event
    that its posting was approved."""
    for payment_id in await queries.insert_planned(conn, project_id):
        payment = await queries.lock_payment(conn, payment_id)
        assert payment is not None
        await begin(conn, payment)


async def fund(
    conn: Connection, *, payment_id: UUID, viewer: Viewer, expected: int | None
) -> Payment:
    async with conn.transaction():
        seen = await queries.select_payment(
            conn, payment_id, viewer_id=viewer.id, sees_all=viewer.moderates
        )
        if seen is None:
            raise NotFound("No such payment.")
        project = await lock_project(conn, seen.project_id, viewer_id=viewer.id)
        assert project is not None
        payment = await _locked(conn, payment_id, viewer, expected)
        moved = await move(conn, payment, "fund", _roles(viewer, payment))
        rules.check_not_over(project.state)
        return await _shown(conn, moved.id, viewer)


async def resend(
    conn: Connection, *, payment_id: UUID, viewer: Viewer, expected: int | None
) -> Payment:
    async with conn.transaction():
        payment = await _locked(conn, payment_id, viewer, expected)
        await _resend(conn, payment, _roles(viewer, payment))
        return await _shown(conn, payment_id, viewer)


async def _resend(conn: Connection, payment: Payment, who: frozenset[Who]) -> None:
    """A person's try gives it its full time again."""
    moved = await move(conn, payment, "resend", who)
    await queries.update_trouble(conn, moved.id, troubled_at=None, retry_at=None)


async def put_payout_account(
    conn: Connection, *, viewer: Viewer, holder: str, bank: str, number: str
) -> PayoutAccount:
    """What could not be sent to the old account is sent to this one."""
    async with conn.transaction():
        await queries.upsert_payout_account(
            conn, viewer.id, holder=holder, bank=bank, number=number
        )
        stuck = [Status.RETRYING, Status.UNCLAIMED]
        for payment in await queries.lock_of_person(conn, viewer.id, stuck):
            await _resend(conn, payment, APPLICANT)
        account = await queries.select_payout_account(conn, viewer.id)
    assert account is not None
    return account


async def withhold(
    conn: Connection, *, organization_id: UUID, viewer: Viewer, basis_points: int
) -> None:
    async with conn.transaction():
        role = await select_role(conn, organization_id=organization_id, person_id=viewer.id)
        if role is None:
            raise NotFound("No such organization of yours.")
        if role != "owner":
            raise NotAllowed("Only its owner may say what tax this employer withholds.")
        await queries.update_withholding(
            conn, organization_id=organization_id, basis_points=basis_points
        )


async def decide(
    conn: Connection, *, milestone_id: UUID, intern_share: int, refund_at: datetime | None = None
) -> None:
    """What a dispute, or both parties, made of a milestone's fee: so much to the intern, the rest back
    to the employer, or only from `refund_at` on, if somebody might appeal. In the decision's own
    transaction; money that has left already stays where it is."""
    left = intern_share
    for payment in await queries.lock_of_milestone(conn, milestone_id):
        if payment.state not in rules.HELD:
            continue
        share = min(left, payment.amount)
        left -= share
        await _decide(conn, payment, share, refund_at)


async def _decide(
    conn: Connection, payment: Payment, share: int, refund_at: datetime | None
) -> None:
    if payment.state is not Status.FROZEN:
        payment = await move(conn, payment, "freeze", reason=DECIDED)
    if share == 0:
        await _refund(conn, payment, refund_at)
        return
    if share < payment.amount:
        payment, rest = await split(conn, payment, share)
        await _refund(conn, rest, refund_at)
    await _release(conn, payment)


async def _refund(conn: Connection, payment: Payment, refund_at: datetime | None) -> None:
    if refund_at is None:
        await move(conn, payment, "decide_refund", reason=DECIDED)
    else:
        await hold(conn, payment, reason=APPEALABLE, refund_at=refund_at)


async def _release(conn: Connection, payment: Payment) -> None:
    """While its posting is looked into, what is earned stands still."""
    project_state = await queries.select_project_state(conn, payment.project_id)
    if project_state == ProjectStatus.SUSPENDED:
        await hold(conn, payment, reason=SUSPENDED)
    else:
        await move(conn, payment, "decide_release", reason=DECIDED)


async def hold_for_appeal(conn: Connection, milestone_id: UUID) -> int:
    """Until an appeal is decided, or comes to nothing. Return how much of the fee is still here."""
    payments = await queries.lock_of_milestone(conn, milestone_id)
    here = [payment for payment in payments if payment.state in rules.HELD]
    for payment in here:
        if payment.state is Status.FROZEN:
            await hold(conn, payment, reason=APPEALED, refund_at=payment.refund_at)
        else:
            await move(conn, payment, "freeze", reason=APPEALED)
    return sum(payment.amount for payment in here)


async def split(conn: Connection, payment: Payment, share: int) -> tuple[Payment, Payment]:
    """What is kept, and a payment of its own for the rest, in the same state. No money moves."""
    rest_id = await queries.insert_payment(
        conn,
        project_id=payment.project_id,
        organization_id=payment.organization_id,
        seat=payment.seat,
        position=payment.position,
        amount=payment.amount - share,
        state=payment.state,
        reason=SPLIT,
        split_of=payment.id,
    )
    await queries.update_amount(conn, payment.id, share)
    rest = await queries.lock_payment(conn, rest_id)
    assert rest is not None
    return replace(payment, amount=share, version=payment.version + 1), rest


async def _locked(
    conn: Connection, payment_id: UUID, viewer: Viewer, expected: int | None
) -> Payment:
    payment = await queries.lock_payment(
        conn, payment_id, viewer_id=viewer.id, sees_all=viewer.moderates
    )
    if payment is None:
        raise NotFound("No such payment.")
    check_version(expected, payment.version)
    return payment


async def _shown(conn: Connection, payment_id: UUID, viewer: Viewer) -> Payment:
    payment = await queries.select_payment(
        conn, payment_id, viewer_id=viewer.id, sees_all=viewer.moderates
    )
    assert payment is not None
    return payment


def _roles(viewer: Viewer, payment: Payment) -> frozenset[Who]:
    return viewer.roles(applicant=payment.is_applicant, employer=payment.is_employer)


async def may_tell(conn: Connection, *, viewer: Viewer, project_id: UUID | None) -> bool:
    """Who may tell the sandbox's provider how to behave."""
    if "operator" in viewer.duties:
        return True
    return project_id is not None and await queries.owns_sandbox_of(
        conn, person_id=viewer.id, project_id=project_id
    )
