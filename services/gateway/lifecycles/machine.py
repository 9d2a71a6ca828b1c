"""States, who may give which command in which state, what is said, and what silence does."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.errors import Conflict, NotAllowed
from shared.events.base import Event


class Who(StrEnum):
    APPLICANT = "applicant"
    EMPLOYER = "employer"
    SCHOOL = "school"
    MODERATOR = "moderator"
    OPERATOR = "operator"
    PAYMENT_PROVIDER = "payment_provider"
    SYSTEM = "system"
    TIMER = "timer"


PEOPLE = frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL, Who.MODERATOR, Who.OPERATOR})
SYSTEM = frozenset({Who.SYSTEM})


class Unsound(Exception):
    """A lifecycle that could leave somebody waiting."""


@dataclass(frozen=True)
class Move:
    """`restarts`: a sign of life, which lets the clocks of a state that is kept begin anew."""

    command: str
    source: str
    to: str
    who: frozenset[Who]
    event: type[Event]
    note: str = ""
    restarts: bool = False


@dataclass(frozen=True)
class Remind:
    """So many days after the clock began, so many before it ends (or before another fact, `of`), or
    at a share of its time. `every`: again and again after that."""

    after: float | None = None
    before: float | None = None
    share: float | None = None
    of: str | None = None
    every: float | None = None


@dataclass(frozen=True)
class Otherwise:
    """Where a timer leads instead when `why` holds."""

    why: str
    to: str
    event: type[Event]


@dataclass(frozen=True)
class Timer:
    """`to` is None when the record stays where it is and only the event is said. The clock begins
    when the state is entered, or at another fact of the record: then `left` counts from that one.
    """

    name: str
    state: str
    days: int
    to: str | None
    event: type[Event]
    note: str = ""
    waits_on: frozenset[Who] = frozenset()
    reminders: tuple[Remind, ...] = ()
    working: bool = False
    since: str = "entered"
    left: float | None = None
    otherwise: Otherwise | None = None


@dataclass(frozen=True)
class Rest:
    """Who is reminded, and when, of a record that may rest where it is."""

    state: str
    waits_on: frozenset[Who]
    reminders: tuple[Remind, ...]


@dataclass(frozen=True)
class Machine:
    record: str
    initial: frozenset[str]
    terminal: frozenset[str]
    resting: Mapping[str, str]
    moves: tuple[Move, ...]
    timers: tuple[Timer, ...]
    reminded: type[Event]
    rests: tuple[Rest, ...] = ()
    _by_state: Mapping[tuple[str, str], Move] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_state", {(m.source, m.command): m for m in self.moves})
        check(self)

    @property
    def states(self) -> frozenset[str]:
        ends = {move.source for move in self.moves} | {move.to for move in self.moves}
        return self.initial | self.terminal | ends | {timer.state for timer in self.timers}

    @property
    def commands(self) -> frozenset[str]:
        return frozenset(move.command for move in self.moves)

    def timers_in(self, state: str) -> list[Timer]:
        return [timer for timer in self.timers if timer.state == state]

    def timer(self, state: str, name: str) -> Timer:
        return next(timer for timer in self.timers_in(state) if timer.name == name)

    def who_may(self, command: str) -> frozenset[Who]:
        return frozenset().union(*(m.who for m in self.moves if m.command == command))

    def allowed(self, state: str, who: frozenset[Who]) -> list[str]:
        """The commands that somebody with these roles may give now."""
        return [m.command for m in self.moves if m.source == state and m.who & who]

    def move(
        self, state: str, command: str, who: frozenset[Who], *, open_now: Container[str]
    ) -> Move:
        """`open_now` holds the commands that a refusal may suggest."""
        found = self._by_state.get((state, command))
        allowed = [name for name in self.allowed(state, who) if name in open_now]
        if found is None:
            raise Conflict(
                f"This {self.record} is {words(state)}, too early or too late to "
                f"{words(command)}. {_suggestion(allowed)}",
                state=state,
                allowed=allowed,
            )
        if not found.who & who:
            able = " or ".join(sorted(found.who))
            raise NotAllowed(
                f"To {words(command)} is for the {able} alone. {_suggestion(allowed)}",
                state=state,
                allowed=allowed,
            )
        return found


def _suggestion(allowed: Iterable[str]) -> str:
    named = ", ".join(words(name) for name in allowed)
    return f"You may now: {named}." if named else "There is nothing for you to do now."


def words(name: str) -> str:
    return name.replace("_", " ")


def check(machine: Machine) -> None:
    """Every state is reached, ends have no exit, commands are unique, and silence ends."""
    keys = [(move.source, move.command) for move in machine.moves]
    if len(keys) != len(set(keys)):
        raise Unsound(f"{machine.record}: one command twice in one state.")
    exits = {move.source for move in machine.moves} | {timer.state for timer in machine.timers}
    if stuck := exits & machine.terminal:
        raise Unsound(f"{machine.record}: an end state has an exit: {sorted(stuck)}.")
    if lost := machine.states - _reached(machine):
        raise Unsound(f"{machine.record}: no way leads to {sorted(lost)}.")
    if silent := machine.states - _ending_in_silence(machine):
        raise Unsound(f"{machine.record}: silence never ends in {sorted(silent)}.")


def _reached(machine: Machine) -> set[str]:
    steps = [(move.source, move.to) for move in machine.moves]
    steps += [(timer.state, timer.to) for timer in machine.timers if timer.to]
    reached = set(machine.initial)
    while more := {to for source, to in steps if source in reached} - reached:
        reached |= more
    return reached


def _ending_in_silence(machine: Machine) -> set[str]:
    """The states from which timers alone lead to an end or to a rest, the first timer due always."""
    first: dict[str, Timer] = {}
    for timer in machine.timers:
        if timer.to and (timer.state not in first or timer.days < first[timer.state].days):
            first[timer.state] = timer
    ending = set(machine.terminal) | set(machine.resting)
    while more := {state for state, timer in first.items() if timer.to in ending} - ending:
        ending |= more
    return ending
