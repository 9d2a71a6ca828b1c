"""A life that falls silent at any of its steps: every record of it ends, the money is where it belongs,
and silence helps the weaker side."""

from datetime import timedelta

import pytest

from services.gateway.lifecycles import MACHINES
from tests.support.api import Life, today
from tests.support.engine import Engine, an_engine

STEPS = ("posted", "applied", "offered", "accepted", "agreed", "started", "delivered", "disputed")
OFFER = {"message": "Tuloy tayo!", "starts_on": today()}


@pytest.fixture
async def engine(still):
    async with an_engine(still.database_url) as found:
        await found.settle()
        await found.reader.execute("DELETE FROM gateway.timers")
        await found.reader.execute("DELETE FROM gateway.freezes")
        yield found


async def lived_until(still, step: str) -> Life:
    life = await Life.between(still.api)
    deeds = [
        life.post_project,
        life.apply,
        lambda: life.command(life.employer, "offer", OFFER),
        lambda: accept(life),
        lambda: sign(life),
        lambda: start(life),
        lambda: deliver(life),
        lambda: dispute(life),
    ]
    for deed in deeds[: STEPS.index(step) + 1]:
        await deed()
        await still.engine.settle()
    return life


async def accept(life: Life) -> None:
    await life.command(life.applicant, "accept")
    life.engagement = (await life.applicant.get("/v1/me/engagements"))["items"][0]


async def sign(life: Life) -> None:
    for party in (life.applicant, life.employer):
        life.engagement = await party.post(
            f"{life.at}/sign", {"agreement_hash": life.engagement["agreement_hash"]}
        )


async def start(life: Life) -> None:
    await life.applicant.post(f"{life.at}/check-in", {"mood": "fine"})


async def deliver(life: Life) -> None:
    for milestone in await life.milestones():
        await life.applicant.post(
            f"/v1/milestones/{milestone['id']}/submit", {"note": "Narito na.", "criteria_met": [0]}
        )


async def dispute(life: Life) -> None:
    milestone = (await life.milestones())[0]
    await life.employer.post(
        f"/v1/milestones/{milestone['id']}/dispute",
        {"claim": 40_000, "statement": "Kulang ang gawa.", "reason": "quality"},
    )


async def unended(engine: Engine, project_id: str) -> list[tuple[str, str]]:
    """What still waits, of all that hangs on this project."""
    found = []
    for record, machine in MACHINES.items():
        column = "id" if record == "project" else "project_id"
        of_engagement = (
            "engagement_id IN (SELECT id FROM gateway.engagements WHERE project_id = $1)"
        )
        where = of_engagement if record == "milestone" else f"{column} = $1"
        rows = await engine.reader.fetch(
            f"SELECT state FROM gateway.{record}s WHERE {where}", project_id
        )
        ends = machine.terminal | set(machine.resting)
        found += [(record, row["state"]) for row in rows if row["state"] not in ends]
    return found


async def balances(engine: Engine, life: Life) -> dict[str, int]:
    owners = {
        "held": life.project["id"],
        "owed": life.applicant.person["id"],
        "paid": life.applicant.person["id"],
    }
    return {
        kind: await engine.reader.fetchval(
            """SELECT coalesce(sum(balance), 0)::bigint FROM gateway.ledger_accounts
                WHERE kind = $1 AND owner_id = $2""",
            kind,
            owner,
        )
        for kind, owner in owners.items()
    }


@pytest.mark.parametrize("step", STEPS)
async def test_everything_ends_after_any_step(still, engine, step):
    life = await lived_until(still, step)

    await engine.advance(days=200)

    assert await unended(engine, life.project["id"]) == []
    assert await engine.reader.fetchval("SELECT count(*) FROM gateway.timers") == 0
    money = await balances(engine, life)
    assert (money["held"], money["owed"]) == (0, 0)


async def test_an_intern_who_delivers_is_paid_and_badged_although_the_employer_never_speaks_again(
    still, engine
):
    life = await lived_until(still, "delivered")
    delivered_at = engine.now

    while (await balances(engine, life))["paid"] < life.project["fee"]:
        assert await engine.ring_next() is not None
    paid_after = engine.now - delivered_at
    await engine.advance(days=30)

    assert paid_after <= timedelta(days=6, minutes=5)
    ended = await life.applicant.get(life.at)
    credential = (await life.applicant.get("/v1/me/credentials"))["items"][0]
    assert ended["state"] == "completed"
    assert credential["state"] == "ready"
    assert credential["reason"] == "attest_by"


async def test_an_employer_who_is_right_gets_what_they_claim_when_nobody_answers(still, engine):
    life = await lived_until(still, "disputed")

    await engine.advance(days=60)

    # Of the first milestone what the employer offered; the second was accepted by silence.
    second = life.project["milestones"][1]["fee"]
    assert (await balances(engine, life))["paid"] == 40_000 + second


async def test_money_comes_back_when_nobody_applies(still, engine):
    life = await lived_until(still, "posted")

    await engine.advance(days=20)

    project = await life.employer.get(f"/v1/projects/{life.project['id']}")
    payments = await life.employer.get(f"/v1/projects/{life.project['id']}/payments")
    assert (project["state"], project["reason"]) == ("expired", "no_applications")
    assert {payment["state"] for payment in payments["items"]} == {"refunded"}
