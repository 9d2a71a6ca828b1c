"""Paying by any bank: a file that the standard's schema accepts, and the bank's own word on it."""

import pytest
from lxml import etree

from services.gateway.lifecycles import Who
from services.gateway.payments import actions, orders, payouts
from services.gateway.payments.providers.bank_file import SCHEMA, SPACE, Debtor, results
from shared.errors import Conflict, Invalid
from tests.integration.gateway.payments.house import FEES, House, a_house, a_person

DEBTOR = Debtor("Sibol Foundation, Inc.", "0012-3456-78", "BOPIPHMM")
NAMES = {"p": SPACE}


@pytest.fixture
async def earned(hired) -> House:
    """Both milestones accepted, to be paid by a bank's file."""
    async with hired.database.acquire() as conn:
        await orders.choose_providers(conn, {"pay": "bank_file"})
    await account(hired)
    await hired.begin()
    await hired.accept(0)
    await hired.accept(1)
    await hired.advance(days=1)
    return hired


async def account(house: House, holder: str = "Ana Peña & Anak") -> None:
    async with house.working() as conn:
        await actions.put_payout_account(
            conn, viewer=house.intern, holder=holder, bank="Landbank", number="1234-5678-90"
        )


async def make(house: House) -> payouts.Payout:
    with house.time():
        async with house.database.acquire() as conn:
            operator = await a_person(conn, "Olga", duty="operator")
            return await payouts.make(conn, viewer=operator, debtor=DEBTOR)


async def take(house: House, raw: bytes, payout: payouts.Payout | None = None) -> list:
    async with house.working() as conn:
        return await payouts.take_results(
            conn, results(raw), payout_id=payout.id if payout else None
        )


def read(payout: payouts.Payout) -> etree._Element:
    document = etree.fromstring(payout.text.encode())
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(document)
    return document


def all_of(document: etree._Element, path: str) -> list[str]:
    return [found.text for found in document.iterfind(f".//{path}", NAMES)]


async def test_the_file_is_valid_and_comes_to_what_was_ordered(earned):
    payout = await make(earned)

    document = read(payout)
    assert all_of(document, "p:InstdAmt") == ["1000.00", "2000.00"]
    assert all_of(document, "p:CtrlSum") == ["3000.00", "3000.00"]
    assert all_of(document, "p:NbOfTxs") == ["2", "2"]
    assert all_of(document, "p:Cdtr/p:Nm") == ["Ana Peña & Anak"] * 2
    assert (payout.count, payout.total) == (2, sum(FEES))
    assert await earned.states() == ["sending", "sending"]


async def test_an_order_is_in_one_file_only(earned):
    await make(earned)

    with pytest.raises(Conflict, match="No payment waits"):
        await make(earned)


async def test_what_the_bank_says_is_taken_once(earned):
    payout = await make(earned)
    first, second = all_of(read(payout), "p:EndToEndId")
    said = f"order_id,result,note\n{first},done,REF-1\n{second},failed,AC04\n".encode()

    await take(earned, said, payout)
    await take(earned, said, payout)

    assert await earned.states() == ["paid", "retrying"]
    assert await earned.balance() == {
        "world": -sum(FEES),
        "paid": FEES[0],
        "owed": FEES[1],
    }


async def test_what_failed_is_in_the_next_file_under_another_id(earned):
    payout = await make(earned)
    first, second = all_of(read(payout), "p:EndToEndId")
    await take(earned, f"{first},done,R\n{second},failed,AC04".encode(), payout)

    await earned.advance(minutes=2)
    again = await make(earned)

    assert again.total == FEES[1]
    assert all_of(read(again), "p:EndToEndId") != [second]


async def test_a_result_as_pain_002_is_read_too(earned):
    payout = await make(earned)
    first, second = all_of(read(payout), "p:EndToEndId")
    said = f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
        <OrgnlPmtInfAndSts>
        <TxInfAndSts><OrgnlEndToEndId>{first}</OrgnlEndToEndId><TxSts>ACSC</TxSts>
          <AcctSvcrRef>B-77</AcctSvcrRef></TxInfAndSts>
        <TxInfAndSts><OrgnlEndToEndId>{second}</OrgnlEndToEndId><TxSts>PDNG</TxSts></TxInfAndSts>
        </OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""

    assert await take(earned, said.encode(), payout) == []

    assert await earned.states() == ["paid", "sending"]


async def test_orders_of_others_are_told_apart(earned):
    payout = await make(earned)
    hold = await earned.database.fetchval(
        "SELECT id FROM gateway.payment_orders WHERE kind = 'hold' LIMIT 1"
    )

    unknown = await take(earned, f"{hold},failed,".encode(), payout)

    assert unknown == [hold]
    assert await earned.states() == ["sending", "sending"]


async def test_whoever_named_no_account_is_asked_for_one_and_then_paid(hired):
    async with hired.database.acquire() as conn:
        await orders.choose_providers(conn, {"pay": "bank_file"})
    await hired.begin()
    await hired.accept(0)
    await hired.advance(days=1)
    with pytest.raises(Conflict):
        await make(hired)

    await account(hired)

    assert (await make(hired)).total == FEES[0]


async def test_deposits_and_refunds_are_taken_from_the_statement(own_url):
    async with a_house(own_url) as house:
        async with house.database.acquire() as conn:
            await orders.choose_providers(conn, {"hold": "bank_file", "refund": "bank_file"})
        await house.fund()
        assert await house.states() == ["holding", "holding"]
        await take(house, await statement(house, "hold"))
        assert await house.states() == ["held", "held"]
        await house.project("cancel", Who.EMPLOYER)

        await take(house, await statement(house, "refund"))

        assert await house.states() == ["refunded", "refunded"]


async def statement(house: House, kind: str) -> bytes:
    rows = await house.database.fetch("SELECT id FROM gateway.payment_orders WHERE kind = $1", kind)
    return "\n".join(f"{row['id']},done,S-{row['id'].hex[-4:]}" for row in rows).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense",
        b"\xff\xfe",
        b"<Document>",
        b"019a1f2e-0000-7000-8000-000000000000,perhaps,",
        b"<D><TxInfAndSts><OrgnlEndToEndId>x</OrgnlEndToEndId></TxInfAndSts></D>",
        b'<!DOCTYPE d [<!ENTITY a "b">]><D>',
    ],
)
def test_what_is_no_result_is_refused_in_words(raw):
    with pytest.raises(Invalid):
        results(raw)
