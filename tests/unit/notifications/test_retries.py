from datetime import UTC, datetime, timedelta

from services.notifications.retries import LONGEST, TRIES, next_try

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_mail_is_tried_ten_times_over_more_than_a_day():
    now, tries = START, 1
    while later := next_try(tries, created_at=START, now=now):
        assert later > now
        now, tries = later, tries + 1

    assert tries == TRIES == 10
    assert timedelta(hours=24) <= now - START < LONGEST


def test_the_first_tries_come_quickly():
    assert next_try(1, created_at=START, now=START) == START + timedelta(seconds=5)
    assert next_try(2, created_at=START, now=START) == START + timedelta(seconds=30)


def test_nothing_is_tried_for_ever():
    assert next_try(1, created_at=START, now=START + LONGEST) is None
