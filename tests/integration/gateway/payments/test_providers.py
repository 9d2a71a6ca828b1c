"""A provider that answers twice, late, never or differently: nobody is paid twice, nothing is lost."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from services.gateway.lifecycles import Who
from services.gateway.payments import actions, answers, moves, orders, paying, queries
from services.gateway.payments.orders import Kind
from services.gateway.payments.providers import Done, Failed, Unheard, Unknown
from services.gateway.payments.providers.sandbox import Sandbox
from shared import clock
from tests.integration.gateway.payments.house import FEES, House

WHOLE = sum(FEES)


async def earn(house: House) -> None:
    """The first milestone's fee, to be sent in a day."""
    await house.begin()
    await house.accept(0)


async def order_of(house: House, kind: Kind = Kind.PAY):
    payment = (await house.payments())[0]
    async with house.database.acquire() as conn:
        return (await orders.select_orders(conn, payment.id, kind))[-1]


async def actors_of(house: House, name: str) -> list[str]:
    rows = await house.database.fetch(
        "SELECT DISTINCT actor_kind FROM gateway.events WHERE name = $1 AND data->>'reason' = $2",
        name,
        "proved_late",
    )
    return [row["actor_kind"] for row in rows]


async def paid_once(house: House) -> bool:
    balance = await house.balance()
    return (
        (await house.states())[0] == "paid"
        and balance.get("paid") == FEES[0]
        and balance["held"] == FEES[1]
        and await house.moved("pay") == FEES[0]
    )


async def test_answering_twice_pays_once(hired):
    await hired.tell("twice", kind="pay")
    await earn(hired)

    await hired.advance(days=1)

    assert await paid_once(hired)
    assert await hired.surprises() == []


async def test_an_answer_that_is_lost_on_the_way_pays_once(hired):
    await hired.tell("silent", kind="pay")
    await earn(hired)
    await hired.advance(days=1)
    assert (await hired.states())[0] == "sending"

    await hired.advance(minutes=2)

    assert await paid_once(hired)


async def test_answering_when_nobody_waits_any_more_pays_once(hired):
    await hired.tell("late", kind="pay")
    await earn(hired)
    seen = set()
    for _ in range(8):
        await hired.advance(days=1)
        seen.add((await hired.states())[0])

    assert {"sending", "paid"} <= seen
    assert await paid_once(hired)


async def test_never_answering_leaves_what_is_owed_with_the_intern(hired):
    await hired.tell("never", kind="pay")
    await earn(hired)

    await hired.advance(days=12)

    assert (await hired.states())[0] == "unclaimed"
    assert await hired.balance() == {"world": -WHOLE, "held": FEES[1], "owed": FEES[0]}
    assert await hired.database.fetchval("SELECT count(*) FROM gateway.sandbox_orders") == 3


async def test_an_answer_after_all_was_given_up_still_counts(hired):
    await hired.tell("never", kind="pay")
    await earn(hired)
    await hired.advance(days=12)
    order = await order_of(hired)

    async with hired.working() as conn:
        await answers.take(conn, order, Done("LATE-1", order.amount))

    assert (await hired.states())[0] == "paid"
    assert await actors_of(hired, "payment.sending.v1") == ["system"]
    assert await hired.balance() == {"world": -WHOLE, "held": FEES[1], "paid": FEES[0]}


async def test_taking_back_what_was_proved_changes_nothing_and_is_kept(hired):
    await hired.tell("differently", kind="pay")
    await earn(hired)

    await hired.advance(days=1)

    assert await paid_once(hired)
    assert await hired.surprises() == ["failed_after_done"]


async def test_another_amount_proves_nothing(hired):
    await hired.tell("other_amount", kind="pay")
    await earn(hired)

    await hired.advance(days=1, hours=1)

    assert (await hired.states())[0] == "sending"
    assert await hired.surprises() == ["other_amount"]


async def test_a_failure_is_tried_again_with_a_new_order(hired):
    await hired.tell("fail", kind="pay")
    await earn(hired)
    await hired.advance(days=1)
    assert (await hired.states())[0] == "retrying"

    await hired.tell("ok", kind="pay")
    await hired.advance(minutes=2)

    assert await paid_once(hired)


async def test_a_failure_that_was_none_is_noticed_before_anything_is_sent_again(hired):
    await hired.tell("fail", kind="pay")
    await earn(hired)
    await hired.advance(days=1)
    await hired.tell("ok", kind="pay")
    await hired.database.execute("UPDATE gateway.sandbox_orders SET state = 'done'")

    await hired.advance(minutes=2)

    assert await paid_once(hired)
    assert await hired.surprises() == ["done_after_failed"]


async def test_failing_for_days_calls_for_the_intern_whose_new_account_is_tried(hired):
    await hired.tell("fail", kind="pay")
    await earn(hired)
    await hired.advance(days=9)
    assert (await hired.states())[0] == "unclaimed"

    await hired.tell("ok", kind="pay")
    async with hired.working() as conn:
        await actions.put_payout_account(
            conn, viewer=hired.intern, holder="Ana Reyes", bank="BOPIPHMM", number="1234567890"
        )

    assert await paid_once(hired)


async def test_a_hold_that_comes_late_is_honoured(house):
    await house.tell("late", kind="hold")
    await house.fund()
    await house.advance(days=2)
    assert await house.states() == ["due", "due"]

    await house.advance(days=4)

    assert await house.states() == ["held", "held"]
    assert await house.moved("hold") == WHOLE
    assert await house.state_of("projects", house.project_id) == "open"
    assert await actors_of(house, "payment.hold_requested.v1") == ["system"]


async def test_asking_again_after_silence_holds_once(house):
    await house.tell("silent", kind="hold")
    await house.fund()
    await house.tell("never")

    await house.advance(days=3)

    assert await house.states() == ["held", "held"]
    assert await house.moved("hold") == WHOLE
    assert await house.database.fetchval("SELECT count(*) FROM gateway.payment_orders") == 2


async def test_a_hold_that_comes_when_nobody_wants_it_goes_back(house):
    await house.tell("delay", kind="hold", seconds=10 * 86_400)
    await house.fund()
    await house.advance(days=9)
    assert await house.states() == ["void", "void"]

    await house.advance(days=3)

    assert await house.states() == ["void", "void"]
    assert await house.balance() == {"world": -WHOLE, "returned": WHOLE}
    assert await house.moved("refund") == WHOLE


async def test_a_hold_that_comes_after_the_posting_has_ended_goes_back(house):
    await house.tell("delay", kind="hold", seconds=3_600)
    await house.fund()
    await house.project("cancel", Who.EMPLOYER)

    await house.advance(hours=2)

    assert await house.states() == ["refunded", "refunded"]
    assert await house.balance() == {"world": -WHOLE, "returned": WHOLE}


async def test_a_refund_without_proof_calls_an_operator_and_is_finished_by_a_late_one(house):
    await house.fund()
    await house.tell("late", kind="refund")
    await house.project("cancel", Who.EMPLOYER)
    await house.advance(days=4)
    assert await house.states() == ["refund_stuck", "refund_stuck"]

    await house.advance(days=2)

    assert await house.states() == ["refunded", "refunded"]
    assert await house.balance() == {"world": -WHOLE, "returned": WHOLE}
    assert await actors_of(house, "payment.refund_requested.v1") == ["system"]


async def test_a_loop_that_does_not_ask_is_not_ready(house):
    async with house.database.acquire() as conn, conn.transaction():
        await actions.fund_project(
            conn, project_id=house.project_id, viewer=house.employer, expected=None
        )
    at_once = await paying.trouble(house.database)
    with clock.advanced(timedelta(minutes=2)):
        later = await paying.trouble(house.database)
    await house.settle()

    with clock.advanced(timedelta(minutes=2)):
        asked = await paying.trouble(house.database)

    assert (at_once, asked) == (None, None)
    assert later.startswith("the oldest payment order is 12")


async def test_what_failed_and_is_not_sent_again_in_time_is_not_ready(hired):
    await hired.tell("fail", kind="pay")
    await earn(hired)
    await hired.advance(days=1)
    waits_for_its_time = await paying.trouble(hired.database)

    await hired.database.execute(
        "UPDATE gateway.payments SET retry_at = now() - interval '5 min' WHERE state = 'retrying'"
    )

    assert waits_for_its_time is None
    assert "late" in await paying.trouble(hired.database)


async def test_a_kill_between_asking_and_writing_it_down_pays_once(hired):
    """The provider heard and did it; we died before its answer was written."""
    await earn(hired)
    await hired.tell("never", kind="pay")
    await hired.advance(days=1)
    await hired.database.execute("DELETE FROM gateway.sandbox_orders WHERE kind = 'pay'")
    await hired.database.execute(
        """UPDATE gateway.payment_orders
              SET asked_at = now(), taken_until = NULL, next_try_at = now() - interval '1 min'
            WHERE kind = 'pay'"""
    )
    await hired.tell("ok", kind="pay")
    order = await order_of(hired)
    await Sandbox(hired.database).ask(order)

    await hired.settle()

    assert await paid_once(hired)


async def test_a_kill_before_asking_asks_later(hired):
    await earn(hired)
    await hired.tell("never", kind="pay")
    await hired.advance(days=1)
    await hired.database.execute("DELETE FROM gateway.sandbox_orders WHERE kind = 'pay'")
    await hired.tell("ok", kind="pay")
    assert await Sandbox(hired.database).status(await order_of(hired)) == Unheard()

    await hired.advance(minutes=2)

    assert await paid_once(hired)


async def wait_for_answer(house: House) -> None:
    """The provider knows nothing of the order, which is due again."""
    await earn(house)
    await house.tell("never", kind="pay")
    await house.advance(days=1)
    await house.database.execute("DELETE FROM gateway.sandbox_orders WHERE kind = 'pay'")
    await house.tell("ok", kind="pay")
    house.ahead += timedelta(minutes=2)


async def test_a_loop_that_is_cut_off_gives_back_the_order_in_hand(hired):
    await wait_for_answer(hired)

    async with hired.database.acquire() as conn:
        with hired.time(), suppress(TimeoutError):
            async with conn.transaction(), asyncio.timeout(1):
                await conn.execute("LOCK TABLE gateway.sandbox_orders")
                await paying.run(asyncio.Event(), hired.database, lambda: None)

    row = await hired.database.fetchrow(
        "SELECT state, tries, taken_until FROM gateway.payment_orders WHERE kind = 'pay'"
    )
    assert (row["state"], row["taken_until"]) == ("asked", None)
    assert row["tries"] > 1
    await hired.settle()
    assert await paid_once(hired)


async def test_an_order_whose_lease_is_over_is_its_new_holders_alone(hired):
    await wait_for_answer(hired)
    with hired.time():
        async with hired.database.acquire() as conn:
            first = await orders.claim(conn, ["sandbox"], tenant=None)
            early = await orders.claim(conn, ["sandbox"], tenant=None)
            kept = await orders.renew(conn, first)
            with clock.advanced(hired.ahead + orders.LEASE + timedelta(seconds=1)):
                second = await orders.claim(conn, ["sandbox"], tenant=None)

            lost = await orders.renew(conn, first)
            asked = await orders.mark_asked(conn, first)
            await orders.give_back(conn, first)

            taken = await conn.fetchval(
                "SELECT taken_until FROM gateway.payment_orders WHERE id = $1", first.id
            )
    assert early is None
    assert kept
    assert second.id == first.id
    assert not lost
    assert not asked
    assert taken is not None


async def test_many_loops_at_once_ask_once(hired):
    await earn(hired)
    await hired.accept(1)
    hired.ahead += timedelta(days=1, minutes=1)
    with hired.time():
        async with hired.database.acquire() as conn, conn.transaction():
            for payment in await queries.lock_of_project(conn, hired.project_id):
                await moves.fire(conn, payment, "cooling")

        await asyncio.gather(*(paying.pay_due(hired.database) for _ in range(8)))
    await hired.settle()

    assert await hired.states() == ["paid", "paid"]
    assert await hired.moved("pay") == WHOLE
    assert await hired.balance() == {"world": -WHOLE, "paid": WHOLE}
    tries = await hired.database.fetch(
        "SELECT tries FROM gateway.payment_orders WHERE kind = 'pay'"
    )
    assert [row["tries"] for row in tries] == [1, 1]


@pytest.mark.parametrize("state", ["waiting", "asked"])
async def test_answers_from_everywhere_at_once_count_once(hired, state):
    await hired.tell("never", kind="pay")
    await earn(hired)
    await hired.advance(days=1)
    await hired.database.execute(
        "UPDATE gateway.payment_orders SET state = $1 WHERE kind = 'pay'", state
    )
    order = await order_of(hired)

    async def say(answer):
        async with hired.database.acquire() as conn:
            await answers.take(conn, order, answer)

    done = Done("BANK-1", order.amount)
    await asyncio.gather(*(say(answer) for answer in [done] * 8 + [Unknown()] * 4))
    await say(Failed("refused"))
    await hired.settle()

    assert (await hired.states())[0] == "paid"
    assert (await hired.balance())["paid"] == FEES[0]
    assert await hired.surprises() == ["failed_after_done"]


async def test_the_database_itself_refuses_a_second_order_that_is_done(hired):
    await earn(hired)
    await hired.advance(days=1)
    order = await order_of(hired)

    with pytest.raises(Exception, match="payment_orders_done"):
        await hired.database.execute(
            """INSERT INTO gateway.payment_orders
                      (id, payment_id, kind, amount, provider, state, next_try_at, made_at,
                       correlation_id, tenant)
               SELECT gen_random_uuid(), payment_id, kind, amount, provider, 'done', now(), now(),
                      correlation_id, tenant
                 FROM gateway.payment_orders WHERE id = $1""",
            order.id,
        )
