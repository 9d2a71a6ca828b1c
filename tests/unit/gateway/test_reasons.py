"""Reasons are codes of closed lists, each with its words."""

import pytest
from pydantic import ValidationError

from services.gateway.applications.schemas import ReasonRequest
from services.gateway.lifecycles import MACHINES
from services.gateway.lifecycles.machine import PEOPLE
from services.gateway.reasons import REASONS, WORDS, narrowed

INVITE = "application.invite"
CANCEL = "project.cancel"


@pytest.mark.parametrize("command", sorted(set(REASONS) - {INVITE}))
def test_reasons_are_for_commands_that_people_give(command):
    record, _, name = command.partition(".")

    assert MACHINES[record].who_may(name) & PEOPLE


@pytest.mark.parametrize("command", sorted(REASONS))
def test_every_code_has_words_and_stands_once(command):
    codes = REASONS[command]

    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(WORDS)


@pytest.mark.parametrize("code", sorted(WORDS))
def test_words_follow_a_colon_in_both_languages(code):
    for text in (WORDS[code].fil, WORDS[code].en):
        assert text.endswith(".")
        assert text[0].islower()


def test_every_clock_that_ends_something_has_words():
    clocks = {timer.name for machine in MACHINES.values() for timer in machine.timers if timer.to}

    assert clocks <= set(WORDS)


def test_a_code_of_another_command_is_told_the_right_ones():
    model = narrowed(ReasonRequest, CANCEL)

    with pytest.raises(ValidationError, match="must be one of no_budget, no_time"):
        model.model_validate_json('{"reason": "skills_not_shown"}')


def test_the_description_lists_the_codes():
    found = narrowed(ReasonRequest, CANCEL).model_json_schema()

    assert found["properties"]["reason"]["enum"] == list(REASONS[CANCEL])
    assert found["required"] == ["reason"]


def test_a_reason_that_may_be_given_may_be_left_out():
    model = narrowed(ReasonRequest, "application.withdraw", optional=True)

    assert model.model_validate_json("{}").reason is None
    assert model.model_validate_json('{"reason": "exams"}').reason == "exams"
