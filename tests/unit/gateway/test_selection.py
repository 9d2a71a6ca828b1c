from datetime import date

import pytest

from services.gateway.lifecycles.machine import Who
from services.gateway.selection.rules import Load, Work, start_of
from services.gateway.standing.rules import at_fault

TODAY = date(2026, 11, 23)


def test_thirds_of_an_hour_add_up():
    load = Load(20, (Work(20, 3), Work(20, 3)))

    assert load.fits(Work(20, 3))
    assert not load.fits(Work(7, 1))


def test_whoever_declared_nothing_has_no_time():
    assert not Load(0, ()).fits(Work(1, 16))


@pytest.mark.parametrize(
    ("wanted", "start"),
    [
        (date(2026, 11, 20), date(2026, 11, 26)),
        (date(2026, 11, 25), date(2026, 11, 26)),
        (date(2026, 12, 24), date(2026, 12, 24)),
    ],
)
def test_a_runner_up_has_three_days_of_notice(wanted, start):
    assert start_of(wanted, today=TODAY) == start


@pytest.mark.parametrize(
    ("party", "reason", "side"),
    [
        ("applicant", None, Who.APPLICANT),
        ("employer", "silent_applicant", Who.EMPLOYER),
        (None, "silent_applicant", Who.APPLICANT),
        (None, "silent_employer", Who.EMPLOYER),
        (None, "no_show_applicant", Who.APPLICANT),
        (None, "no_show_employer", Who.EMPLOYER),
        (None, "no_show", None),
        ("both", None, None),
        (None, "calamity", None),
        (None, None, None),
    ],
)
def test_a_fault_has_a_side_or_none(party, reason, side):
    assert at_fault(party=party, reason=reason) is side
