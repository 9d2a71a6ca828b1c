"""The money over HTTP: who sees what, who may do what, and what a provider may say."""

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from services.gateway.payments.orders import Kind, select_orders
from services.gateway.payments.routes import SIGNATURE, check_signature
from services.gateway.tokens import token_hash
from shared.errors import Unauthenticated
from tests.integration.gateway.conftest import NOWHERE, a_gateway
from tests.integration.gateway.payments.house import House, a_person
from tests.support.api import Api, Refused

SECRET = "lihim"


@pytest.fixture
async def gateway(own_url, house, tmp_path):
    async with a_gateway(own_url, NOWHERE, tmp_path, provider_secret=SECRET) as found:
        yield found


async def signed_in(gateway, house: House, person) -> Api:
    token = f"sibol_{person.id.hex}"
    await house.database.execute(
        "INSERT INTO gateway.sessions VALUES ($1, $2, now(), now() + interval '1 day')",
        token_hash(token),
        person.id,
    )
    return Api(gateway.session, gateway.base, token)


async def somebody(gateway, house: House, duty: str | None = None) -> Api:
    async with house.database.acquire() as conn:
        return await signed_in(gateway, house, await a_person(conn, "Olga Lim", duty=duty))


async def test_funding_answers_with_what_is_being_held(gateway, house):
    employer = await signed_in(gateway, house, house.employer)

    found = await employer.post(f"/v1/projects/{house.project_id}/fund")

    assert [item["state"] for item in found["items"]] == ["holding", "holding"]
    await house.settle()
    listed = await employer.get(f"/v1/projects/{house.project_id}/payments")
    assert [item["state"] for item in listed["items"]] == ["held", "held"]
    shown = await employer.get(f"/v1/projects/{house.project_id}")
    assert shown["state"] == "open"
    with pytest.raises(Refused, match="409"):
        await employer.post(f"/v1/projects/{house.project_id}/fund")


async def test_of_ten_who_fund_at_once_one_does(gateway, house):
    employer = await signed_in(gateway, house, house.employer)
    path = f"/v1/projects/{house.project_id}/fund"

    found = await asyncio.gather(*(employer.post(path) for _ in range(10)), return_exceptions=True)

    refused = [answer for answer in found if isinstance(answer, Refused)]
    assert [answer.status for answer in refused] == [409] * 9
    assert "the payments of this project are holding" in str(refused[0])


async def test_only_the_two_sides_see_a_payment(gateway, hired):
    employer = await signed_in(gateway, hired, hired.employer)
    intern = await signed_in(gateway, hired, hired.intern)
    stranger = await somebody(gateway, hired)
    payment = (await hired.payments())[0]

    mine = (await intern.get("/v1/me/payments"))["items"]
    assert {item["id"] for item in mine} == {str(each.id) for each in await hired.payments()}
    assert all(item["pay_by"] for item in mine)
    assert (await employer.get(f"/v1/payments/{payment.id}"))["amount"] == payment.amount
    for path in (f"/v1/payments/{payment.id}", f"/v1/projects/{hired.project_id}/payments"):
        with pytest.raises(Refused, match="404"):
            await stranger.get(path)


async def test_both_sides_have_the_receipt_when_it_is_paid(gateway, hired):
    employer = await signed_in(gateway, hired, hired.employer)
    intern = await signed_in(gateway, hired, hired.intern)
    await employer.put(
        f"/v1/organizations/{hired.organization_id}/withholding", {"basis_points": 500}
    )
    await hired.begin()
    await hired.accept(0)
    payment = (await hired.payments())[0]
    with pytest.raises(Refused, match="404"):
        await intern.get(f"/v1/payments/{payment.id}/receipt")

    await hired.advance(days=1)

    for party in (employer, intern):
        receipt = await party.get(f"/v1/payments/{payment.id}/receipt")
        assert (receipt["gross"], receipt["withheld"], receipt["net"]) == (100_000, 5_000, 95_000)
        assert receipt["number"].endswith("-000001")


async def test_nobody_withholds_more_tax_than_the_law_allows(gateway, house):
    employer = await signed_in(gateway, house, house.employer)
    stranger = await somebody(gateway, house)
    path = f"/v1/organizations/{house.organization_id}/withholding"

    with pytest.raises(Refused, match="422"):
        await employer.put(path, {"basis_points": 1_501})
    with pytest.raises(Refused, match="404"):
        await stranger.put(path, {"basis_points": 100})


async def test_where_one_is_paid_is_nobody_elses_business(gateway, hired):
    intern = await signed_in(gateway, hired, hired.intern)
    account = {"holder": "Ana Reyes", "bank": "Landbank", "number": "1234-5678"}

    await intern.put("/v1/me/payout-account", account)

    shown = await intern.get("/v1/me/payout-account")
    assert account.items() <= shown.items()
    rows = await hired.database.fetch("SELECT data::text FROM gateway.events")
    assert not any("1234-5678" in row["data"] for row in rows)


async def test_the_trial_balance_is_for_operators(gateway, hired):
    operator = await somebody(gateway, hired, "operator")

    found = await operator.get("/v1/operations/ledger")

    assert (found["balanced"], found["wrong"], found["total"]) == (True, 0, 0)
    intern = await signed_in(gateway, hired, hired.intern)
    with pytest.raises(Refused, match="403"):
        await intern.get("/v1/operations/ledger")


async def test_an_operator_carries_a_file_to_the_bank_and_its_result_back(gateway, hired):
    operator = await somebody(gateway, hired, "operator")
    intern = await signed_in(gateway, hired, hired.intern)
    await operator.put("/v1/operations/providers", {"pay": "bank_file"})
    await intern.put(
        "/v1/me/payout-account", {"holder": "Ana", "bank": "BOPIPHMM", "number": "12345678"}
    )
    await hired.begin()
    await hired.accept(0)
    await hired.advance(days=1)
    account = {"name": "Sibol", "account": "00112233", "bank": "BOPIPHMM"}

    payout = await operator.post("/v1/payouts", account)
    waiting = (await operator.get("/v1/operations/orders"))["items"]
    status, headers, text = await gateway.asked(
        "GET",
        f"/v1/payouts/{payout['id']}.xml",
        headers={"Authorization": f"Bearer {operator.token}"},
    )
    order_id = waiting[0]["id"]
    taken = await operator.call(
        "POST", f"/v1/payouts/{payout['id']}/results", f"{order_id},done,R-1".encode()
    )

    assert (payout["count"], payout["total"]) == (1, 100_000)
    assert (status, headers.getall("Content-Type")) == (200, ["application/xml; charset=utf-8"])
    assert order_id.replace("-", "").encode() in text
    assert taken == {"taken": 1, "unknown": []}
    assert (await hired.states())[0] == "paid"


async def test_the_sandbox_behaves_as_it_is_told_by_operators_alone(gateway, house):
    operator = await somebody(gateway, house, "operator")
    employer = await signed_in(gateway, house, house.employer)
    told = {"behaviour": "fail", "kind": "hold"}
    with pytest.raises(Refused, match="403"):
        await employer.post("/v1/sandbox/provider", told)

    await operator.post("/v1/sandbox/provider", told)
    await employer.post(f"/v1/projects/{house.project_id}/fund")
    await house.settle()

    assert await house.states() == ["due", "due"]


async def call_back(gateway, said: dict, *, secret: str = SECRET, provider: str = "sandbox"):
    raw = json.dumps(said).encode()
    signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    status, _, body = await gateway.asked(
        "POST",
        f"/v1/provider/{provider}/callbacks",
        data=raw,
        headers={SIGNATURE: signature, "Content-Type": "application/json"},
    )
    return status, body


async def test_a_signed_callback_is_taken_however_often_it_comes(gateway, house):
    await house.tell("never", kind="hold")
    await house.fund()
    payment = (await house.payments())[0]
    async with house.database.acquire() as conn:
        order = (await select_orders(conn, payment.id, Kind.HOLD))[0]
    said = {"order_id": str(order.id), "result": "done", "reference": "P-1"}

    answers = [await call_back(gateway, said) for _ in range(3)]

    assert answers == [(200, {"taken": True})] * 3
    assert sorted(await house.states()) == ["held", "holding"]
    assert (await call_back(gateway, said, secret="iba"))[0] == 401
    assert (await call_back(gateway, said, provider="bank_file"))[0] == 404
    assert (await call_back(gateway, {**said, "result": "maybe"}))[0] == 422


def test_without_a_secret_nobody_calls_back():
    nothing = "sha256=" + hmac.new(b"", b"{}", hashlib.sha256).hexdigest()

    with pytest.raises(Unauthenticated):
        check_signature("", b"{}", nothing)


async def test_a_person_sends_again_what_could_not_be_sent(gateway, hired):
    intern = await signed_in(gateway, hired, hired.intern)
    employer = await signed_in(gateway, hired, hired.employer)
    await hired.tell("fail", kind="pay")
    await hired.begin()
    await hired.accept(0)
    await hired.advance(days=1)
    payment = (await hired.payments())[0]
    assert "resend" in (await intern.get(f"/v1/payments/{payment.id}"))["allowed"]
    await hired.tell("ok", kind="pay")
    with pytest.raises(Refused, match="403"):
        await employer.post(f"/v1/payments/{payment.id}/resend")

    await intern.post(f"/v1/payments/{payment.id}/resend")
    await hired.advance(minutes=1)

    assert (await hired.states())[0] == "paid"
    assert hired.ahead >= timedelta(days=1)
