import re

import pytest

from services.gateway.lifecycles import APPLICATION, CREDENTIAL, MACHINES, PROJECT
from services.gateway.lifecycles.bounds import calendar_days, silence_bound
from tools.lifecycles import page

PAGE = page()
MACHINE = pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)


def chapter(record: str) -> str:
    return PAGE.split(f"\n## {record.capitalize()}\n")[1].split("\n## ")[0]


def pictures(record: str) -> str:
    return "\n".join(re.findall(r"```mermaid\n(.*?)```", chapter(record), re.DOTALL))


@pytest.mark.parametrize(
    ("state", "days"), [("submitted", 14), ("seen", 14), ("shortlisted", 7), ("offered", 3)]
)
def test_silence_about_an_application_ends_when_it_was_promised(state, days):
    assert silence_bound(APPLICATION, state) == days


def test_one_silence_after_another_is_added_up():
    bound = silence_bound(PROJECT, "open")

    assert bound == 14 + silence_bound(PROJECT, "selecting")


@MACHINE
def test_no_silence_is_left_at_an_end_or_a_rest(machine):
    still = machine.terminal | set(machine.resting)

    assert {silence_bound(machine, state) for state in still} == {0}


@MACHINE
def test_every_other_silence_has_a_bound(machine):
    going = machine.states - machine.terminal - set(machine.resting)

    assert all(0 < silence_bound(machine, state) < 366 for state in going)


def test_working_days_count_with_their_weekends():
    timer = PROJECT.timer("suspended", "decide_suspension_by")

    assert (timer.days, calendar_days(timer)) == (5, 7)


@MACHINE
def test_every_state_and_every_step_to_another_is_in_a_picture(machine):
    drawn = pictures(machine.record)

    for move in machine.moves:
        if move.source != move.to:
            assert f" : {move.command.replace('_', ' ')}" in drawn or (
                f"<br/>{move.command.replace('_', ' ')}" in drawn
            )
    assert {state for state in machine.states if not re.search(rf"\b{state}\b", drawn)} == set()


@MACHINE
def test_every_command_and_clock_is_in_a_table(machine):
    found = chapter(machine.record)

    assert all(f"`{move.command}`" in found for move in machine.moves)
    assert all(f"`{timer.name}`" in found for timer in machine.timers)


def test_the_promises_are_those_of_the_clocks():
    promises = PAGE.split("## What a student is promised")[1].split("\n## ")[0]
    badge = silence_bound(CREDENTIAL, "proposed") + 1

    assert "| An application is answered or closed | 14 days |" in promises
    assert f"| A badge is signed after the work was accepted | {badge:g} days |" in promises
