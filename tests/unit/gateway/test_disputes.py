"""What follows from a dispute's facts, and from who was heard last."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from services.gateway.disputes import rules
from services.gateway.engagements import agreement
from services.gateway.engagements import rules as engagement_rules
from services.gateway.lifecycles.milestone import Status
from services.gateway.projects.queries import PlannedMilestone

BEGAN = datetime(2027, 1, 4, tzinfo=UTC)


@dataclass
class Part:
    fee: int
    state: Status
    id: UUID = field(default_factory=uuid4)


@dataclass
class Heard:
    started_at: datetime | None = BEGAN
    created_at: datetime = BEGAN
    applicant_seen_at: datetime | None = None
    employer_seen_at: datetime | None = None
    help_asked_by: str | None = None
    checked_in: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("share", "shares"),
    [(0, [0, 0, 0]), (150, [0, 100, 50]), (350, [50, 100, 200]), (999, [100, 100, 200])],
)
def test_delivered_work_is_paid_before_work_that_is_not(share, shares):
    parts = [
        Part(100, Status.IN_WORK),
        Part(100, Status.SUBMITTED),
        Part(200, Status.CHANGES_REQUESTED),
    ]

    assert rules.shared_out(share, parts) == shares


def test_only_what_is_not_settled_is_in_dispute():
    parts = [Part(1, state) for state in Status]

    assert rules.unsettled_fee(parts) == 5
    assert rules.delivered_fee(parts) == 2


@pytest.mark.parametrize(
    ("applicant", "employer", "silent"),
    [
        (6, 6, "both"),
        (6, 4, "both"),
        (6, 1, "employer"),
        (1, 6, "applicant"),
        (None, 6, "applicant"),
    ],
)
def test_the_side_that_was_heard_long_before_the_other_is_silent(applicant, employer, silent):
    heard = Heard(
        applicant_seen_at=BEGAN + timedelta(days=applicant) if applicant else None,
        employer_seen_at=BEGAN + timedelta(days=employer),
    )

    assert engagement_rules.silent_side(heard) == silent


def test_whoever_was_asked_for_help_is_silent_even_when_heard_later():
    heard = Heard(help_asked_by="applicant", employer_seen_at=BEGAN, applicant_seen_at=BEGAN)

    assert engagement_rules.silent_side(heard) == "employer"
    assert engagement_rules.fault(heard, "silent") == "silent_employer"


@pytest.mark.parametrize(
    ("checked_in", "reason"),
    [
        ([], "no_show"),
        (["applicant"], "no_show_employer"),
        (["employer"], "no_show_applicant"),
    ],
)
def test_a_no_show_names_who_did_not_come(checked_in, reason):
    assert engagement_rules.fault(Heard(checked_in=checked_in), "start_by") == reason


@pytest.mark.parametrize("timer", ["quiet", "resume_by", "feedback_by", "decide_by"])
def test_other_clocks_blame_nobody(timer):
    assert engagement_rules.fault(Heard(), timer) is None


@pytest.mark.parametrize("rights", ["public", "on_request", "digest_only"])
def test_the_agreement_says_in_both_languages_what_was_promised(rights):
    text = agreement.agreement_text(
        SimpleNamespace(
            applicant_name="Ana Reyes",
            organization_name="Aklatan ng Bayan",
            project_title="Pagsasalin",
            offer=SimpleNamespace(starts_on=date(2027, 1, 4)),
        ),
        SimpleNamespace(
            fee=300_000,
            hours=20,
            weeks=2,
            criteria=["Tapat sa orihinal"],
            milestones=[PlannedMilestone("Burador", "Unang salin", 5, 300_000)],
            kind="school_internship",
            rights=rights,
            review_days=4,
            school_name="Pamantasan ng Bayan",
        ),
    )

    assert all(part in text for part in agreement.RIGHTS[rights])
    assert "Pamantasan ng Bayan (paaralan)" in text
    assert "loob ng 4 araw" in text
    assert "within 4 days" in text
    assert "Enero 9, 2027" in text
    assert "January 9, 2027" in text
    assert text.count("₱3,000.00") == 4
    assert "Walang sisingilin sa intern" in text
