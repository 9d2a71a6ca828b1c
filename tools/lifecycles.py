"""`docs/lifecycles.md`: every lifecycle as pictures and tables, from the table that the gateway runs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from services.gateway.lifecycles import (
    APPLICATION,
    CREDENTIAL,
    DISPUTE,
    ENGAGEMENT,
    MACHINES,
    MILESTONE,
    PAYMENT,
)
from services.gateway.lifecycles.bounds import calendar_days, first_moving, silence_bound
from services.gateway.lifecycles.machine import (
    PEOPLE,
    Machine,
    Move,
    Remind,
    Rest,
    Timer,
    Who,
    words,
)

CLOCK = "⏰"
GEAR = "⚙"
BEGIN = "[*]"
START = """# Lifecycles

Made from `services/gateway/lifecycles/` by `python -m tools.write_docs`; do not edit.

Everything on Sibol is one of seven records: a project is posted, people apply to it, an engagement
is the work of one of them, its milestones are handed in and paid, a dispute is settled if there is
one, and a badge is left at the end. Each record is always in exactly one state, and each state says
who may do what next and what happens when nobody does anything. No state can last for ever: a clock
leads on, to an end or to one of the few named rests.

What one record's step sets off in another stands in
[architecture.md](architecture.md#sagas); what each event carries in [events.md](events.md).

## What a student is promised

Computed from the clocks below, with everybody else silent. A deadline in working days is counted
with its weekends; public holidays and declared freezes come on top. A clock that hangs on a date of
the agreement is counted with its usual length.

"""
READING = f"""
## How to read a picture

An arrow is a step. Its label is the command and who may give it; {GEAR} marks a step of the system
or of the payment provider, {CLOCK} a clock with the days after which it acts by itself. A dark state
is an end, a dashed one a rest. The first picture of a record shows how it goes on, the second how it
ends: a box there holds every state from which the same step leads out. Steps that keep the state,
and clocks that only tell somebody, are in the tables.
"""
ABOUT = {
    "project": "A posting of an employer, from its draft until all its work has ended.",
    "application": "One person's wish for a seat of one project.",
    "engagement": "The work of one accepted applicant, from the agreement until the feedback.",
    "milestone": "A part of the work with a date and a fee, handed in and reviewed.",
    "payment": "The fee of a milestone: held before the work, then paid out or given back.",
    "dispute": "A disagreement about work, heard by a person, with a rule for silence.",
    "credential": "The badge for work that was accepted.",
}
STYLES = [
    "classDef ending fill:#334155,stroke:#334155,color:#ffffff",
    "classDef resting fill:#fef9c3,stroke:#a16207,color:#1c1917,stroke-dasharray:4 3",
    "classDef going fill:#ecfdf5,stroke:#047857,color:#064e3b",
]
# Days of the agreement, which may lie far ahead; `days` of such a clock is its usual length.
DATES = {"starts_on": "the start", "due_on": "the due date"}
Edge = tuple[str, str, str]


def page() -> str:
    parts = [START, *_table(("promise", "at most"), _promises()), READING]
    return "".join(parts) + "".join(_chapter(machine) for machine in MACHINES.values())


def _promises() -> list[tuple[str, str]]:
    submitted, shortlisted, offered = (
        silence_bound(APPLICATION, state) for state in ("submitted", "shortlisted", "offered")
    )
    review = silence_bound(MILESTONE, "submitted")
    cooling = calendar_days(PAYMENT.timer("scheduled", "cooling"))
    answer = calendar_days(DISPUTE.timer("opened", "answer_by"))
    signing = calendar_days(CREDENTIAL.timer("ready", "sign_by"))
    found = [
        ("An application is answered or closed", submitted),
        ("… when it was short-listed on the last day", submitted + shortlisted),
        ("… and then offered a seat on the last day", submitted + shortlisted + offered),
        ("An offer that nobody answers frees its seat", offered),
        ("Work whose other side has fallen silent ends", silence_bound(ENGAGEMENT, "active")),
        ("Work handed in is accepted, whether it was looked at or not", review),
        ("… and its fee is on its way to the intern", review + cooling),
        (
            "A dispute is decided, by a person or by its rule",
            answer + silence_bound(DISPUTE, "answered"),
        ),
        (
            "A badge is signed after the work was accepted",
            silence_bound(CREDENTIAL, "proposed") + signing,
        ),
    ]
    return [(promise, _days(bound)) for promise, bound in found]


def _chapter(machine: Machine) -> str:
    return "".join(
        [
            f"\n## {words(machine.record).capitalize()}\n\n{ABOUT[machine.record]}\n\n",
            "### How it goes on\n\n",
            _diagram(machine, _going_on(machine), "TB"),
            "\n### How it ends\n\n",
            _diagram(machine, _ending(machine), "LR"),
            "\n### Commands\n\n",
            *_table(("in", "command", "who", "leads to", "says", "note"), _commands(machine)),
            "\n### Clocks\n\n",
            *_table(
                ("in", "clock", "after", "counted from", "waits on", "reminds", "then", "says"),
                [_clock(timer) for timer in machine.timers],
            ),
            "\n### Ends, rests and the longest silence\n\n",
            *_table(("state", "silence lasts at most", "what silence does"), _silences(machine)),
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |\n|{' --- |' * len(head)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def _commands(machine: Machine) -> list[tuple[str, ...]]:
    return [
        (
            words(move.source),
            f"`{move.command}`",
            _who(move.who),
            words(move.to) if move.to != move.source else "stays",
            f"`{move.event.name}`",
            move.note,
        )
        for move in machine.moves
    ]


def _clock(timer: Timer) -> tuple[str, ...]:
    then = words(timer.to) if timer.to else "stays"
    if timer.otherwise:
        then += f"; {words(timer.otherwise.to)} if {words(timer.otherwise.why)}"
    return (
        words(timer.state),
        f"`{timer.name}`",
        _after(timer),
        _since(timer),
        _who(timer.waits_on),
        _reminders(timer.reminders),
        then,
        f"`{timer.event.name}`",
    )


def _after(timer: Timer) -> str:
    return f"{_number(timer.days)} working days" if timer.working else _days(timer.days)


def _since(timer: Timer) -> str:
    """A clock that hangs on a date runs on past it for its own days."""
    if timer.since in DATES:
        return f"{DATES[timer.since]} + {_days(timer.left or 0)}"
    return "entering" if timer.since == "entered" else words(timer.since)


def _reminders(reminders: Iterable[Remind]) -> str:
    return ", ".join(_reminder(remind) for remind in reminders) or "-"


def _reminder(remind: Remind) -> str:
    of = f" {words(remind.of)}" if remind.of else ""
    parts = [
        f"day {_number(remind.after)}" if remind.after is not None else "",
        f"{_days(remind.before)} before{of}" if remind.before is not None else "",
        f"at {remind.share:.0%}" if remind.share is not None else "",
        f"then every {_days(remind.every)}" if remind.every is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _silences(machine: Machine) -> list[tuple[str, str, str]]:
    rests = {rest.state: rest for rest in machine.rests}
    return [
        (words(state), *_silence(machine, state, rests.get(state)))
        for state in _in_order(machine, machine.states)
    ]


def _silence(machine: Machine, state: str, rest: Rest | None) -> tuple[str, str]:
    if state in machine.terminal:
        return "-", "an end"
    if state in machine.resting:
        reminded = f"; reminds: {_reminders(rest.reminders)}" if rest else ""
        return "-", f"a rest: {machine.resting[state]}{reminded}"
    return _days(silence_bound(machine, state)), " → ".join(_way(machine, state))


def _way(machine: Machine, state: str) -> Iterator[str]:
    yield words(state)
    while state not in machine.terminal and state not in machine.resting:
        timer = first_moving(machine, state)
        assert timer.to is not None
        state = timer.to
        yield f"{words(state)} ({_after(timer)})"


def _diagram(machine: Machine, edges: list[Edge], direction: str) -> str:
    """Steps between the same two boxes share one arrow."""
    labels: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, to, label in edges:
        if label not in labels[source, to]:
            labels[source, to].append(label)
    nodes = [node for node in dict.fromkeys(chain(*labels)) if node != BEGIN]
    lines = [
        "stateDiagram-v2",
        f"direction {direction}",
        *(f"{_key(node)} : {_title(node)}" for node in nodes),
        *(
            _arrow(source, to, steps, there_and_back=(to, source) in labels)
            for (source, to), steps in labels.items()
        ),
        *STYLES,
        *(f"class {_key(node)} {_style(machine, node)}" for node in nodes),
    ]
    return "```mermaid\n" + "\n    ".join(lines) + "\n```\n"


def _arrow(source: str, to: str, steps: list[str], *, there_and_back: bool) -> str:
    label = "<br/>".join(steps)
    if there_and_back:
        # Wide words on both ways would lie on each other.
        label = label.replace(f" · {GEAR}", f" {GEAR}").replace(" · ", "<br/>")
    return f"{_key(source)} --> {_key(to)} : {label}".removesuffix(" : ")


def _steps(machine: Machine) -> Iterator[Edge]:
    for move in machine.moves:
        yield move.source, move.to, _label(move)
    for timer in machine.timers:
        if timer.to:
            yield timer.state, timer.to, _ticking(timer)
        if timer.otherwise:
            why = f"{_ticking(timer)}, {words(timer.otherwise.why)}"
            yield timer.state, timer.otherwise.to, why


def _going_on(machine: Machine) -> list[Edge]:
    begins = [(BEGIN, state, "") for state in _in_order(machine, machine.initial)]
    return begins + [
        (source, to, label)
        for source, to, label in _steps(machine)
        if to not in machine.terminal and source != to
    ]


def _ending(machine: Machine) -> list[Edge]:
    """States with the same step to the same end stand in one box."""
    sources: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, to, label in _steps(machine):
        if to in machine.terminal:
            sources[to, label].append(source)
    return [
        ("+".join(_in_order(machine, set(found))), to, label)
        for (to, label), found in sources.items()
    ]


def _in_order(machine: Machine, states: Iterable[str]) -> list[str]:
    """As the table tells them, ends last."""
    told = [
        *sorted(machine.initial),
        *(state for move in machine.moves for state in (move.source, move.to)),
    ]
    told += [timer.to for timer in machine.timers if timer.to]
    return sorted(states, key=lambda state: (state in machine.terminal, told.index(state)))


def _label(move: Move) -> str:
    people, others = move.who & PEOPLE, move.who - PEOPLE
    who = [_sides(people)] if people else []
    who += [GEAR] if others else []
    who += ["provider"] if Who.PAYMENT_PROVIDER in others else []
    return f"{words(move.command)} · {' '.join(who)}"


def _sides(people: frozenset[Who]) -> str:
    both = {Who.APPLICANT, Who.EMPLOYER}
    return "either side" if people == both else _who(people)


def _ticking(timer: Timer) -> str:
    from_date = timer.since in DATES
    days = timer.left if from_date and timer.left is not None else timer.days
    after = f" after {DATES[timer.since]}" if from_date else ""
    return f"{CLOCK} {_number(days)} {'working ' if timer.working else ''}d{after}"


def _who(who: Iterable[str]) -> str:
    return ", ".join(sorted(words(str(role)) for role in who)) or "-"


def _title(node: str) -> str:
    return "<br/>".join(words(state) for state in node.split("+"))


def _key(node: str) -> str:
    return node.replace("+", "__")


def _style(machine: Machine, node: str) -> str:
    if node in machine.terminal:
        return "ending"
    return "resting" if node in machine.resting else "going"


def _days(days: float) -> str:
    return f"{_number(days)} day{'' if days == 1 else 's'}"


def _number(days: float) -> str:
    return f"{days:g}"
