"""Whatever people do and however the provider behaves: the provider's books and ours agree to the
centavo, nobody is paid twice, and in the end every payment has ended or rests."""

import random

import pytest

from services.gateway.lifecycles import PAYMENT, Who
from services.gateway.payments import actions, ledger
from services.gateway.payments.providers.sandbox import Behaviour
from shared.errors import Refusal
from tests.integration.gateway.payments.house import FEES, House, a_house, a_person

SEATS = 2
STEPS = 25
KINDS = ("hold", "pay", "refund")
# Whoever lies about what it did is caught elsewhere; here the books must agree.
BEHAVIOURS = [each for each in Behaviour if each is not Behaviour.OTHER_AMOUNT]
WORK = [
    ("submit", Who.APPLICANT),
    ("submit", Who.APPLICANT),
    ("accept", Who.EMPLOYER),
    ("accept", Who.EMPLOYER),
    ("dispute", Who.EMPLOYER),
    ("cancel", Who.APPLICANT),
]
BEGINNING = [("last_signature", Who.SYSTEM), ("check_in", Who.APPLICANT)]
END = [("cancel", Who.EMPLOYER), ("terminate", Who.EMPLOYER), ("decline", Who.APPLICANT)]


class Chaos:
    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.engagements = []

    async def start(self) -> None:
        await self.tell()
        await self.fund()
        await self.house.tell("ok", kind="hold")
        await self.tried(self.fund())
        for _ in range(SEATS):
            await self.hire()
            if not self.engagements:
                return
            await self.tried(self.house.engagement(BEGINNING[0]))
            if self.chance.random() < 0.7:
                await self.tried(self.house.engagement(BEGINNING[1]))

    async def step(self) -> None:
        deeds = [self.tell, self.hire, self.engage, *[self.work] * 6, self.decide, self.again]
        deeds += [self.wait, self.wait, self.leave]
        await self.tried(self.chance.choice(deeds)())

    async def tell(self) -> None:
        await self.house.tell(
            self.chance.choice(BEHAVIOURS),
            kind=self.chance.choice(KINDS),
            seconds=self.chance.choice([0, 60, 100_000]),
        )

    async def fund(self) -> None:
        await self.house.fund()
        await self.wait()

    async def hire(self) -> None:
        if await self.house.state_of("projects", self.house.project_id) != "open":
            return
        async with self.house.database.acquire() as conn:
            person = await a_person(conn, "Ana Reyes")
        starts_in = self.chance.choice([0, 1, 9])
        self.engagements.append(await self.house.hire(person, starts_in=starts_in))

    async def engage(self) -> None:
        if self.engagements:
            self.house.engagement_id = self.chance.choice(self.engagements)
            await self.house.engagement(self.chance.choice(BEGINNING))

    async def leave(self) -> None:
        if self.engagements and self.chance.random() < 0.3:
            self.house.engagement_id = self.chance.choice(self.engagements)
            await self.house.engagement(self.chance.choice(END))

    async def work(self) -> None:
        if self.engagements:
            self.house.engagement_id = self.chance.choice(self.engagements)
            await self.house.milestone(self.chance.choice([0, 1]), self.chance.choice(WORK))

    async def decide(self) -> None:
        """As the area of disputes does, in one transaction."""
        if not self.engagements:
            return
        self.house.engagement_id = self.chance.choice(self.engagements)
        position = self.chance.choice([0, 1])
        share = self.chance.randint(1, FEES[position])
        milestone_id = await self.house.milestone(position)
        if await self.house.state_of("milestones", milestone_id) != "disputed":
            return
        await self.house.milestone(position, ("decide_accept", Who.MODERATOR))
        async with self.house.working() as conn:
            await actions.decide(conn, milestone_id=milestone_id, intern_share=share)

    async def wait(self) -> None:
        await self.house.advance(hours=self.chance.choice([1, 12, 30, 80]))

    async def again(self) -> None:
        await self.house.hear_all_again()

    async def end(self) -> None:
        """Everybody does what is left to do, and silence does the rest."""
        for engagement_id in self.engagements:
            self.house.engagement_id = engagement_id
            for position in (0, 1):
                for command in ("decide_accept", "accept", "cancel"):
                    await self.tried(self.house.milestone(position, (command, self.who(command))))
            for command in ("decline", "cancel", "terminate", "decide_end"):
                await self.tried(self.house.engagement((command, self.who(command))))
        for command in ("discard", "cancel"):
            await self.tried(self.house.project(command, Who.EMPLOYER))
        await self.house.advance(days=80)

    def who(self, command: str) -> Who:
        if command.startswith("decide"):
            return Who.MODERATOR
        return Who.EMPLOYER if command == "accept" else Who.APPLICANT

    async def tried(self, deed) -> None:
        try:
            await deed
        except Refusal:
            await self.house.settle()


async def check_books(house: House) -> None:
    balance = await house.balance()
    async with house.database.acquire() as conn:
        assert await ledger.count_unbalanced(conn) == 0
    assert sum(balance.values()) == 0
    assert await house.moved("hold") == -balance.get("world", 0)
    assert await house.moved("pay") == balance.get("paid", 0)
    assert await house.moved("refund") == balance.get("returned", 0)


@pytest.mark.parametrize("seed", range(12))
async def test_the_books_agree_and_everything_ends(own_url, seed):
    async with a_house(own_url, seats=SEATS) as house:
        chaos = Chaos(house, seed)
        await chaos.start()
        for _ in range(STEPS):
            await chaos.step()
        for kind in KINDS:
            await house.tell("ok", kind=kind)
        await chaos.end()

        ends = PAYMENT.terminal | set(PAYMENT.resting)
        found = await house.payments()
        assert {payment.state for payment in found} <= ends, [
            (payment.state, payment.reason, payment.work) for payment in found
        ]
        await check_books(house)
