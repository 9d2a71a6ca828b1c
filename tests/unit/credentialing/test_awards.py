import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.credentialing import badges
from services.credentialing.awards import (
    Engagement,
    Language,
    ProofLevel,
    Requires,
    earned,
    level,
)
from shared.errors import Conflict, Invalid, NotFound

COMPLETED = badges.achievement("micro-internship-completed", 1)
FINISHED = Engagement(
    started_at=datetime(2026, 2, 1, tzinfo=UTC),
    work_accepted_at=datetime(2026, 2, 20, tzinfo=UTC),
    accepted_milestones=1,
    paid=True,
    ended_early=False,
    attested=True,
    confirmed_skills=2,
)


def test_a_finished_engagement_earns_the_micro_internship():
    assert earned(FINISHED, badges.achievements()) == (COMPLETED,)


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_early": True},
        {"paid": False},
        {"started_at": None},
        {"work_accepted_at": None},
        {"work_accepted_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_an_engagement_that_was_not_properly_finished_earns_nothing(changes):
    with pytest.raises(Conflict):
        earned(replace(FINISHED, **changes), badges.achievements())


def test_without_an_accepted_milestone_nothing_is_earned():
    careless = replace(COMPLETED, requires=Requires(accepted_milestones=0, confirmed_skills=0))

    assert earned(replace(FINISHED, accepted_milestones=0), [careless]) == ()


def test_the_newest_version_is_given():
    second = replace(COMPLETED, version=2)

    assert earned(FINISHED, [second, COMPLETED]) == (second,)


def test_a_silent_employer_gives_the_lower_level():
    assert level(FINISHED) is ProofLevel.EMPLOYER_ATTESTED
    assert level(replace(FINISHED, attested=False)) is ProofLevel.PLATFORM_VERIFIED


@pytest.mark.parametrize("achievement", badges.achievements(), ids=lambda each: each.slug)
def test_every_achievement_is_worded_in_every_language(achievement):
    for language in Language:
        wording = achievement.wording[language]
        assert all((wording.name, wording.description, wording.criteria, wording.caption))
        assert all(kind.names[language] for kind in achievement.results)


def test_an_image_replaced_under_a_published_badge_is_noticed(tmp_path):
    folder = tmp_path / "badges"
    shutil.copytree(badges.FOLDER, folder)
    image = folder / "micro-internship-completed-v1.svg"
    image.write_bytes(image.read_bytes() + b"<!-- -->")

    with pytest.raises(Invalid, match="new version"):
        badges.achievements(folder)


def test_an_unknown_achievement_is_not_found():
    with pytest.raises(NotFound):
        badges.achievement("micro-internship-completed", 99)
