"""What a moderator decided about a milestone's fee, until nobody may appeal any more: what goes back
waits, an appeal holds all that is still here, and silence leaves the first decision."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from services.gateway.disputes import actions, queries
from services.gateway.disputes.queries import Dispute
from services.gateway.lifecycles import Who
from services.gateway.payments import queries as payments
from services.gateway.payments.schemas import PaymentView
from services.gateway.projects import moves as project_moves
from services.gateway.projects.queries import lock_project
from services.gateway.viewer import Viewer
from shared import clock
from shared.errors import Conflict, Invalid
from tests.integration.gateway.disputes.world import World, a_world, connected
from tests.support.engine import Engine, an_engine

WAITING = [("appealable", 40_000)]


@dataclass
class Court:
    """A dispute that was decided, 60,000 of 100,000 for the intern, and the time that passes."""

    world: World
    engine: Engine
    dispute: Dispute

    async def passes(self, days: float) -> None:
        await self.engine.advance(days=days)

    async def appeal(self, viewer: Viewer | None = None) -> None:
        with clock.advanced(self.engine.ahead):
            await actions.appeal(
                self.world.conn,
                dispute_id=self.dispute.id,
                viewer=viewer or self.world.applicant,
                statement="May kulang sa binasa.",
                expected=None,
            )
        await self.engine.settle()

    async def decide(self, share: int) -> None:
        with clock.advanced(self.engine.ahead):
            await actions.decide_appeal(
                self.world.conn,
                dispute_id=self.dispute.id,
                viewer=self.world.second,
                share=share,
                reasons="Binasa ko muli.",
                expected=None,
            )
        await self.engine.settle()

    async def suspend(self) -> None:
        """Of a posting, that is before all its seats have begun."""
        await self.world.conn.execute(
            "UPDATE gateway.projects SET state = 'filled' WHERE id = $1", self.world.project_id
        )
        await self._project("suspend")

    async def reinstate(self) -> None:
        await self._project("reinstate")

    async def _project(self, command: str) -> None:
        with clock.advanced(self.engine.ahead):
            async with self.world.conn.transaction():
                found = await lock_project(self.world.conn, self.world.project_id, viewer_id=None)
                await project_moves.move(
                    self.world.conn, found, command, frozenset({Who.MODERATOR}), reason="other"
                )
        await self.engine.settle()

    async def frozen(self) -> list[tuple[str, int]]:
        """Why so much stands still."""
        rows = await self.world.conn.fetch(
            """SELECT reason, amount FROM gateway.payments
                WHERE milestone_id = $1 AND state = 'frozen' ORDER BY id""",
            self.world.milestone_id,
        )
        return [(row["reason"], row["amount"]) for row in rows]

    async def views(self) -> list[PaymentView]:
        found = await payments.lock_of_milestone(self.world.conn, self.world.milestone_id)
        return [PaymentView.of(payment, []) for payment in found]


async def decided(world: World, share: int = 60_000) -> Dispute:
    dispute = await world.taken(await world.answered(await world.over_milestone()))
    return await world.decided(dispute, share=share)


@pytest.fixture
async def world(own_url) -> Any:
    async with connected(own_url) as conn:
        async with conn.transaction():
            world = await a_world(conn)
        yield world


@pytest.fixture
async def engine(own_url) -> Any:
    async with an_engine(own_url) as found:
        yield found


@pytest.fixture
async def court(world, engine) -> Court:
    return Court(world, engine, await decided(world))


async def test_what_goes_back_waits_as_long_as_an_appeal_may_come(court):
    await court.passes(days=4.9)
    before = await court.world.money()

    await court.passes(days=0.2)

    assert before == {"paid": 60_000, "frozen": 40_000}
    assert await court.world.money() == {"paid": 60_000, "refunded": 40_000}


async def test_both_sides_see_what_waits_and_where_it_goes(court):
    waiting = (await court.views())[1]

    assert (waiting.state, waiting.due[0].then) == ("frozen", "refunding")
    assert waiting.refund_at == waiting.due[0].due_at
    assert timedelta(days=4.9) < waiting.refund_at - clock.now() <= timedelta(days=5)


async def test_a_decision_that_leaves_nothing_waits_too_although_the_work_is_cancelled(
    world, engine
):
    court = Court(world, engine, await decided(world, share=0))
    await court.passes(days=4)
    assert await court.frozen() == [("appealable", 100_000)]
    await court.appeal()

    await court.decide(30_000)

    assert await world.money() == {"scheduled": 30_000, "refunded": 70_000}


async def test_an_intern_gains_by_an_appeal_after_the_rest_was_paid(court):
    await court.passes(days=3)
    await court.appeal()
    assert await court.frozen() == [("appealed", 40_000)]

    await court.decide(75_000)
    await court.passes(days=2)

    assert await court.world.money() == {"paid": 75_000, "refunded": 25_000}
    assert (await court.world.dispute(court.dispute.id)).intern_share == 75_000


async def test_an_appeal_takes_nothing_from_an_intern_who_was_paid(court):
    await court.passes(days=3)
    await court.appeal(court.world.employer)

    with pytest.raises(Invalid, match="60000 centavos have been sent"):
        await court.decide(59_999)

    await court.decide(60_000)
    assert await court.world.money() == {"paid": 60_000, "refunded": 40_000}


async def test_an_appeal_holds_all_that_is_still_here_for_its_own_time(court):
    await court.appeal()

    await court.passes(days=19)

    assert await court.frozen() == [("appealed", 60_000), ("appealed", 40_000)]


async def test_an_appeal_that_nobody_decides_leaves_the_first_decision(court):
    await court.passes(days=0.5)
    await court.appeal()

    await court.passes(days=22)

    assert await court.world.money() == {"paid": 60_000, "refunded": 40_000}
    with clock.advanced(court.engine.ahead):
        waiting = await queries.select_waiting_disputes(
            court.world.conn, viewer_id=court.world.second.id, before=None, limit=10
        )
    assert waiting == []
    with pytest.raises(Conflict, match="decided first"):
        await court.decide(60_000)


async def test_an_appeal_that_came_to_nothing_holds_the_money_no_more(court):
    await court.appeal()
    await court.passes(days=20.1)
    before = await court.world.money()
    await court.suspend()

    await court.reinstate()

    assert before == {"scheduled": 60_000, "refunded": 40_000}
    assert await court.world.money() == before


async def test_nothing_that_happens_meanwhile_moves_what_is_appealed(court):
    await court.appeal()
    await court.suspend()

    await court.reinstate()

    assert await court.frozen() == [("appealed", 60_000), ("appealed", 40_000)]


async def test_nothing_that_happens_meanwhile_moves_what_waits_to_go_back(court):
    await court.suspend()

    await court.reinstate()

    assert await court.frozen() == WAITING
    assert await court.world.money() == {"scheduled": 60_000, "frozen": 40_000}


async def test_what_stands_still_for_a_suspended_posting_can_be_appealed(court):
    await court.suspend()

    await court.appeal()

    assert await court.frozen() == [("appealed", 60_000), ("appealed", 40_000)]


async def test_what_is_decided_under_a_suspended_posting_is_sent_when_it_goes_on(world, engine):
    dispute = await world.taken(await world.answered(await world.over_milestone()))
    court = Court(world, engine, dispute)
    await court.suspend()
    await world.decided(dispute, share=60_000)
    await engine.settle()
    suspended = await court.frozen()

    await court.reinstate()

    assert suspended == [("project_suspended", 60_000), *WAITING]
    assert await world.money() == {"scheduled": 60_000, "frozen": 40_000}


async def test_what_both_sides_agreed_on_goes_back_at_once(world):
    await world.answered(await world.over_milestone(claim=70_000), share=70_000)

    assert await world.money() == {"scheduled": 70_000, "refunding": 30_000}


async def test_a_dispute_over_an_engagement_is_decided_once_so_nothing_waits(world):
    dispute = await world.taken(await world.answered(await world.over_engagement()))

    await world.decided(dispute, share=60_000, outcome="end")

    assert await world.money() == {"scheduled": 60_000, "refunding": 40_000}


async def test_a_fee_that_was_lowered_before_does_not_undo_the_decision(world, engine):
    """More is held than is disputed; what was agreed on is not what was decided."""
    await world.conn.execute(
        "UPDATE gateway.milestones SET fee = 80_000 WHERE id = $1", world.milestone_id
    )
    dispute = await world.taken(
        await world.answered(await world.over_milestone(claim=80_000), share=10_000)
    )

    await world.decided(dispute, share=50_000)
    await engine.settle()

    assert await world.money() == {"scheduled": 50_000, "frozen": 50_000}


async def test_a_frozen_fee_stays_so_while_its_work_is_under_review_again(world, engine):
    dispute = await world.over_milestone()
    await engine.settle()
    await actions.withdraw(world.conn, dispute_id=dispute.id, viewer=world.applicant, expected=None)
    await world.conn.execute("DELETE FROM gateway.timers WHERE record_id = $1", world.milestone_id)

    await engine.advance(days=45)

    payment = (await payments.lock_of_milestone(world.conn, world.milestone_id))[0]
    assert (await world.milestone()).state == "submitted"
    assert await world.money() == {"frozen": 100_000}
    assert [timer["name"] for timer in payment.timers] == ["decide_by"]
