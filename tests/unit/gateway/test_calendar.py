from datetime import UTC, date, datetime, timedelta

import pytest

from services.gateway.timers.calendar import (
    MANILA,
    Span,
    due_at,
    end_of,
    is_working,
    out_of,
    start_of,
)

MONDAY = datetime(2026, 11, 23, 10, tzinfo=MANILA)
FRIDAY = datetime(2026, 11, 27, 15, tzinfo=MANILA)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def test_calendar_days_are_counted_to_the_second():
    assert due_at(MONDAY, 2.5) == MONDAY + days(2.5)


def test_working_days_leave_the_weekend_out():
    a_week_before = FRIDAY - days(7)

    assert due_at(a_week_before, 1, working=True) == a_week_before + days(3)


def test_working_days_leave_philippine_holidays_out():
    # Monday the 30th is Bonifacio Day.
    assert not is_working(date(2026, 11, 30))
    assert due_at(FRIDAY, 1.5, working=True) == datetime(2026, 12, 2, 3, tzinfo=MANILA)


def test_what_begins_on_a_day_off_begins_to_count_on_the_next_working_day():
    saturday = FRIDAY + days(1)

    assert due_at(saturday, 1, working=True) == start_of(date(2026, 12, 2))


def test_a_freeze_moves_the_end_by_what_it_takes():
    frozen = [Span(MONDAY + days(1), MONDAY + days(3))]

    assert due_at(MONDAY, 2, frozen=frozen) == MONDAY + days(4)


def test_a_freeze_that_begins_when_the_clock_ends_still_counts():
    frozen = [Span(MONDAY + days(2), MONDAY + days(5))]

    assert due_at(MONDAY, 2, frozen=frozen) == MONDAY + days(5)


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 1), (0.5, 2)],
        [(0, 2), (0.5, 1)],
        [(0.5, 1), (0, 2)],
        [(-3, 2)],
        [(0, 1), (1, 2)],
    ],
)
def test_freezes_that_overlap_are_counted_once(spans):
    frozen = [Span(MONDAY + days(start), MONDAY + days(end)) for start, end in spans]

    assert due_at(MONDAY, 1, frozen=frozen) == MONDAY + days(3)


def test_a_freeze_over_a_weekend_is_not_counted_twice():
    frozen = [Span(FRIDAY, FRIDAY + days(2))]

    assert due_at(FRIDAY, 0.25, frozen=frozen, working=True) == datetime(
        2026, 12, 1, 6, tzinfo=MANILA
    )


def test_a_freeze_that_is_over_or_far_away_changes_nothing():
    frozen = [Span(MONDAY - days(9), MONDAY - days(2)), Span(MONDAY + days(9), MONDAY + days(12))]

    assert due_at(MONDAY, 2, frozen=frozen) == MONDAY + days(2)


def test_nothing_rings_inside_a_freeze():
    frozen = [Span(MONDAY, MONDAY + days(1)), Span(MONDAY + days(0.5), MONDAY + days(2))]

    assert out_of(MONDAY, frozen) == MONDAY + days(2)
    assert out_of(MONDAY + days(2), frozen) == MONDAY + days(2)


def test_a_day_begins_and_ends_at_midnight_in_the_philippines():
    day = date(2026, 11, 23)

    assert start_of(day) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert end_of(day) - start_of(day) == days(1)
