from datetime import UTC, date, datetime, timedelta

import pytest

from services.gateway.organizations.regions import REGIONS
from services.gateway.projects import rules, wages
from services.gateway.projects.rules import Kind
from shared.errors import Conflict, Invalid

TODAY = date(2026, 10, 1)
NONE = dict.fromkeys(rules.KIND_FIELDS)
CLEAN = (
    "Isalin ang gabay sa pagtitipid mula Ingles tungo sa Filipino.",
    "Design a poster; we send the photographs and the logo on the first day.",
    "Gawan ng chatbot ang aming Facebook page at Messenger.",
    "Ayusin ang talaan ng bayad at resibo ng kooperatiba sa isang spreadsheet.",
    "Write the application form for our training in plain Filipino.",
    "Reconcile GCash and bank payments of 300 members.",
    "Mag-message sa amin dito sa proyekto kapag may tanong.",
    "Tatawagan mo ang tatlong kasapi; kami ang magbibigay ng load.",
    "A guide that teaches vendors how deposits work.",
    "The free software that we use is listed below.",
    "The printing of 2026-09-01 0917 pages is ours to do.",
    "Ipaliwanag kung bakit mas mura ang online na tindahan sa labas ng Maynila.",
)
LURES = (
    "The first week is an unpaid trial.",
    "We begin with a free trial task of ten hours.",
    "You work for exposure and a certificate.",
    "There is no pay in the first month.",
    "Isang buwang pagsasanay na walang sahod.",
    "Libreng serbisyo muna bago kunin.",
    "A registration fee of 500 pesos applies.",
    "Placement fees are taken from the first pay.",
    "Leave a refundable deposit for the uniform.",
    "You pay first and get it back later.",
    "Magbayad muna ng 300 para sa ID.",
    "May bayad sa pagsasanay na ibabawas mamaya.",
    "Contact me on Telegram before you apply.",
    "Mag-PM ka sa aming Facebook para sa detalye.",
    "Kontakin kami sa Viber para sa susunod na hakbang.",
    "We settle outside the platform to save time.",
    "Babayaran ka diretso sa GCash tuwing Biyernes.",
    "Details: https://t.me/madalingkita",
    "Text 0917 123 4567 for the interview.",
    "UNPAID\nTRIAL of one week",
)


def test_every_region_has_a_minimum_wage_today():
    assert {wage.region for wage in wages.all_in_force(TODAY)} == set(REGIONS)
    assert set(wages.table()) == set(REGIONS)


def test_no_region_has_two_wages_from_the_same_day():
    for orders in wages.table().values():
        days = [order.since for order in orders]

        assert len(days) == len(set(days))


def test_no_wage_of_a_region_ever_falls():
    for orders in wages.table().values():
        oldest_first = [order.daily_wage for order in reversed(orders)]

        assert oldest_first == sorted(oldest_first)


@pytest.mark.parametrize(
    ("on", "daily_wage"),
    [(date(2024, 7, 16), 61_000), (date(2024, 7, 17), 64_500), (date(2025, 7, 18), 69_500)],
)
def test_a_wage_order_counts_from_the_day_it_takes_effect(on, daily_wage):
    found = wages.in_force("ncr", on)

    assert found is not None
    assert found.daily_wage == daily_wage


def test_a_day_before_the_first_known_order_has_no_wage():
    assert wages.in_force("ncr", date(2001, 1, 1)) is None


def test_an_hour_is_an_eighth_of_a_day_rounded_up_to_the_centavo():
    wage = wages.Wage("ncr", TODAY, 69_501, "an order", checked=True)

    assert wage.hourly_floor == 8_688


def test_a_day_begins_at_midnight_in_the_philippines():
    assert wages.day_of(datetime(2025, 7, 17, 16, 0, tzinfo=UTC)) == date(2025, 7, 18)
    assert wages.day_of(datetime(2025, 7, 17, 15, 59, tzinfo=UTC)) == date(2025, 7, 17)


def test_the_floor_is_hours_times_the_hourly_floor():
    assert rules.pay_floor(Kind.INDEPENDENT, hours=20, regions={"ncr"}, on=TODAY) == 173_760


def test_the_dearer_region_counts_when_there_are_two():
    both = rules.pay_floor(Kind.INDEPENDENT, hours=20, regions={"ncr", "barmm"}, on=TODAY)

    assert both == rules.pay_floor(Kind.INDEPENDENT, hours=20, regions={"ncr"}, on=TODAY)


@pytest.mark.parametrize("kind", [Kind.SCHOOL_INTERNSHIP, Kind.GOVERNMENT_PROGRAMME])
def test_an_intern_of_a_school_or_a_programme_gets_at_least_three_quarters(kind):
    assert rules.pay_floor(kind, hours=20, regions={"ncr"}, on=TODAY) == 130_320
    assert rules.pay_floor(kind, hours=1, regions={"calabarzon"}, on=TODAY) == 5_625


def test_a_fee_at_the_floor_is_taken_and_a_centavo_less_is_not():
    rules.check_pay(fee=173_760, floor=173_760)

    with pytest.raises(Invalid) as refused:
        rules.check_pay(fee=173_759, floor=173_760)

    assert refused.value.extra["floor"] == 173_760
    assert refused.value.extra["errors"][0]["pointer"] == "/fee"


@pytest.mark.parametrize(
    ("kind", "given", "wrong"),
    [
        (Kind.INDEPENDENT, {}, []),
        (Kind.INDEPENDENT, {"programme": "BSIT"}, ["/programme"]),
        (Kind.SCHOOL_INTERNSHIP, {}, ["/school_id", "/programme", "/credit_hours"]),
        (Kind.SCHOOL_INTERNSHIP, {"school_id": 1, "programme": "BSIT", "credit_hours": 60}, []),
        (
            Kind.SCHOOL_INTERNSHIP,
            {"school_id": 1, "credit_hours": 60, "programme_reference": "GIP-7"},
            ["/programme", "/programme_reference"],
        ),
        (Kind.GOVERNMENT_PROGRAMME, {}, ["/programme", "/programme_reference"]),
        (Kind.GOVERNMENT_PROGRAMME, {"programme": "GIP", "programme_reference": "GIP-7"}, []),
        (
            Kind.GOVERNMENT_PROGRAMME,
            {"programme": "GIP", "programme_reference": "GIP-7", "credit_hours": 60},
            ["/credit_hours"],
        ),
    ],
)
def test_each_kind_takes_its_own_fields_and_no_others(kind, given, wrong):
    try:
        rules.check_kind(kind, NONE | given)
        found = []
    except Invalid as refused:
        found = [error["pointer"] for error in refused.extra["errors"]]

    assert found == wrong


@pytest.mark.parametrize("text", CLEAN)
def test_an_honest_text_needs_nobody_to_look(text):
    assert rules.is_clean(text)


@pytest.mark.parametrize("text", LURES)
def test_a_lure_is_seen(text):
    assert not rules.is_clean("Pagsasalin ng gabay", text)


def test_a_posting_is_extended_once_and_only_while_it_lives():
    opened_at = datetime(2026, 9, 1, tzinfo=UTC)
    last = opened_at + timedelta(days=60) - timedelta(seconds=1)

    rules.check_may_extend(extended=False, opened_at=opened_at, now=last)

    for extended, now in ((True, last), (False, opened_at + timedelta(days=60))):
        with pytest.raises(Conflict):
            rules.check_may_extend(extended=extended, opened_at=opened_at, now=now)
