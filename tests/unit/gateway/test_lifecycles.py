import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from services.gateway.lifecycles import MACHINES
from services.gateway.lifecycles.machine import SYSTEM, Machine, Move, Unsound, Who, check
from tests.support.places import ROOT, SHARED_DATA

TABLES = SHARED_DATA / "product" / "lifecycles.json"
WHY_BEYOND = ROOT / "docs" / "decisions" / "0010-beyond-the-lifecycle-tables.md"
NOBODY_SAW = "a state that nobody reaches"


@dataclass(frozen=True)
class Beyond:
    """Who may give a command although the decided table names nobody, or others."""

    record: str
    state: str
    command: str
    who: frozenset[Who]
    why: str


BEYOND = (
    Beyond(
        "milestone",
        "disputed",
        "dispute_withdrawn",
        SYSTEM,
        "an intern who takes a dispute back keeps the milestone",
    ),
    Beyond(
        "milestone",
        "disputed",
        "decide_cancel",
        SYSTEM,
        "a settlement or a printed rule can leave the intern nothing, and no moderator acted",
    ),
    Beyond(
        "engagement",
        "disputed",
        "decide_continue",
        SYSTEM,
        "both sides can settle that the work goes on, and no moderator acted",
    ),
    Beyond(
        "payment",
        "due",
        "fund",
        SYSTEM,
        "the provider proved late that it holds the fee, and no employer asked again",
    ),
    Beyond(
        "payment",
        "unclaimed",
        "resend",
        SYSTEM,
        "the provider proved late that it paid, and the intern did nothing",
    ),
    Beyond(
        "payment",
        "refund_stuck",
        "resend",
        SYSTEM,
        "the provider proved late that it gave back, and no operator acted",
    ),
)


def who_beyond(record: str, move: Move) -> frozenset[Who]:
    step = (record, move.source, move.command)
    named = [each.who for each in BEYOND if (each.record, each.state, each.command) == step]
    return frozenset().union(*named)


def table_of(machine: Machine) -> dict[str, object]:
    """Without what goes beyond the decided table."""
    return {
        "initial": set(machine.initial),
        "terminal": set(machine.terminal),
        "may_rest": dict(machine.resting),
        "commands": [
            (move.source, move.command, set(who), move.to, said(move.event.name), move.note)
            for move in machine.moves
            if (who := move.who - who_beyond(machine.record, move))
        ],
        "timers": [
            (timer.state, timer.name, timer.days, timer.to, said(timer.event.name), timer.note)
            for timer in machine.timers
        ],
    }


def said(event: str) -> str:
    """`project.opened.v1` is `project.opened` in the table."""
    return event.rpartition(".v")[0]


def promised(table: dict) -> dict[str, object]:
    return {
        "initial": set(table["initial"]),
        "terminal": set(table["terminal"]),
        "may_rest": table["may_rest"],
        "commands": [
            (
                command["from"],
                command["command"],
                set(command["who"]),
                command["to"],
                command["event"],
                command.get("note", ""),
            )
            for command in table["commands"]
        ],
        "timers": [
            (
                timer["in"],
                timer["name"],
                timer["days"],
                timer["to"],
                timer["event"],
                timer.get("note", ""),
            )
            for timer in table["timers"]
        ],
    }


@pytest.mark.parametrize("record", sorted(MACHINES))
@pytest.mark.parametrize("part", ["initial", "terminal", "may_rest", "commands", "timers"])
def test_the_lifecycle_is_the_one_that_was_decided(record, part):
    if not TABLES.exists():
        pytest.skip("the decided lifecycles are not beside this project")

    decided = promised(json.loads(TABLES.read_text("utf-8"))[record])

    assert table_of(MACHINES[record])[part] == decided[part]


@pytest.mark.parametrize("beyond", BEYOND, ids=lambda beyond: beyond.command)
def test_whatever_goes_beyond_the_decided_table_is_there_and_written_down(beyond):
    moves = [
        move
        for move in MACHINES[beyond.record].moves
        if (move.source, move.command) == (beyond.state, beyond.command)
    ]

    assert [move for move in moves if beyond.who <= move.who]
    assert f"`{beyond.record}.{beyond.command}`" in WHY_BEYOND.read_text("utf-8")


def broken(machine: Machine) -> Iterator[tuple[str, dict[str, object]]]:
    """Every variant with one mistake that leaves somebody waiting or lets the dead walk."""
    moving = [timer for timer in machine.timers if timer.to]
    for timer in moving:
        others = tuple(other for other in machine.timers if other is not timer)
        if timer.state not in machine.resting and timer.state not in {
            other.state for other in others if other.to
        }:
            yield f"no {timer.name} in {timer.state}", {"timers": others}
    for end in sorted(machine.terminal):
        exit_ = replace(machine.moves[0], command="rise", source=end)
        yield f"an exit from {end}", {"moves": (*machine.moves, exit_)}
        waking = replace(moving[0], state=end, name="wake")
        yield f"a timer in {end}", {"timers": (*machine.timers, waking)}
    for move in machine.moves:
        twin = replace(move, to=machine.moves[0].source)
        yield f"{move.command} twice in {move.source}", {"moves": (*machine.moves, twin)}
    lost = replace(machine.moves[0], command="wander", source=NOBODY_SAW)
    yield "a command in an unreachable state", {"moves": (*machine.moves, lost)}
    unseen = replace(moving[0], state=NOBODY_SAW)
    yield "a timer in an unreachable state", {"timers": (*machine.timers, unseen)}
    yield "an end nobody reaches", {"terminal": machine.terminal | {NOBODY_SAW}}
    sleeping = replace(machine.moves[0], command="doze", to=NOBODY_SAW)
    yield "a state without a timer", {"moves": (*machine.moves, sleeping)}


VARIANTS = [
    pytest.param(machine, changes, id=f"{machine.record}: {name}")
    for machine in MACHINES.values()
    for name, changes in broken(machine)
]


@pytest.mark.parametrize(("machine", "changes"), VARIANTS)
def test_a_lifecycle_with_one_mistake_is_refused(machine, changes):
    with pytest.raises(Unsound):
        replace(machine, **changes)


def test_there_are_many_broken_variants():
    assert len(VARIANTS) > 100


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
def test_two_timers_that_wait_for_each_other_are_refused(machine):
    """Every state has a timer, yet silence never ends."""
    first, second = [timer for timer in machine.timers if timer.to][:2]
    round_and_round = tuple(
        replace(timer, to=second.state if timer.state == first.state else first.state)
        if timer.state in {first.state, second.state} and timer.to
        else timer
        for timer in machine.timers
    )

    with pytest.raises(Unsound):
        check(replace(machine, timers=round_and_round))


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
@pytest.mark.parametrize("lazy", [False, True])
def test_with_everybody_silent_every_record_ends_or_rests(machine, lazy):
    """Whichever timer fires, the first or the last."""
    for state in machine.states:
        seen: list[str] = []
        now = state
        while now not in machine.terminal and now not in machine.resting:
            assert now not in seen, f"{state} goes round: {[*seen, now]}"
            seen.append(now)
            due = sorted(
                (timer for timer in machine.timers if timer.state == now and timer.to),
                key=lambda timer: timer.days,
                reverse=lazy,
            )
            assert due, f"nothing ever moves {now}"
            now = due[0].to
