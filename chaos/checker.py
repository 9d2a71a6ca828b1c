"""Compare what the clients were told with what is left: nothing lost, nothing doubled, no gap."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from chaos.ledger import Entry, Ledger
from chaos.state import Said, State

# Which event each command says, and where it leaves the application.
EVENT_OF = {
    "apply": "application.submitted.v1",
    "view": "application.seen.v1",
    "shortlist": "application.shortlisted.v1",
    "not_select": "application.not_selected.v1",
    "withdraw": "application.withdrawn.v1",
}
STATE_AFTER = {
    "apply": "submitted",
    "view": "seen",
    "shortlist": "shortlisted",
    "not_select": "not_selected",
    "withdraw": "withdrawn",
}
MOST_TRIES = 5


@dataclass
class Injected:
    """What was put into the queues on purpose: (room, message id) each."""

    poison: list[tuple[str, str]] = field(default_factory=list)
    faulty: set[UUID] = field(default_factory=set)


@dataclass
class Findings:
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        named = (("lost", self.lost), ("doubled", self.doubled), ("gap", self.gaps))
        lines = [f"{name}: {line}" for name, found in named for line in found]
        return [*lines, *self.wrong]


def check(
    ledger: Ledger,
    state: State,
    injected: Injected,
    *,
    mails: Counter[str],
    tries: Counter[str],
    tallied: frozenset[str] = frozenset(),
) -> Findings:
    """`tallied` are the rooms that count each of their effects."""
    found = Findings()
    _check_answers(ledger, state, found)
    _check_applications(ledger, state, found)
    _check_sequences(state.events, found)
    _check_handled(state, injected, found)
    _check_effects(state, tallied, found)
    _check_notices(state, found)
    _check_mails(state, mails, found)
    _check_dead(state, injected, found)
    _check_books(state, found)
    found.wrong += [
        f"tried without end: event {event_id}, {times} times"
        for event_id, times in tries.items()
        if times > MOST_TRIES
    ]
    return found


def _check_answers(ledger: Ledger, state: State, found: Findings) -> None:
    """Each acknowledged command is kept under its key, with the answer that was given."""
    found.wrong += [f"answers differ: {line}" for line in ledger.differences]
    for entry in ledger.acknowledged():
        kept = state.answers.get((entry.person_id, entry.key))
        if kept is None:
            found.lost.append(f"{entry.kind} {entry.key} was answered {entry.status}: no trace")
        elif kept[0] != entry.status:
            found.wrong.append(f"{entry.kind} {entry.key}: told {entry.status}, kept {kept[0]}")


def _check_applications(ledger: Ledger, state: State, found: Findings) -> None:
    said = Counter((str(event.subject), event.name) for event in state.events)
    steps = _steps(ledger)
    for application_id, entries in steps.items():
        for entry in entries:
            _check_step(application_id, entry, said, found)
        _check_last(application_id, entries, state, found)
    for application_id in set(state.applications) - set(steps):
        if not _may_be_unknown(application_id, ledger, state):
            found.wrong.append(f"nobody asked for application {application_id}")


def _steps(ledger: Ledger) -> dict[str, list[Entry]]:
    """The commands of each application, in the order in which its one client gave them."""
    steps: dict[str, list[Entry]] = defaultdict(list)
    for entry in ledger.entries:
        if entry.kind == "apply" and entry.is_acknowledged:
            steps[entry.answer["id"]].append(entry)
        elif entry.kind in EVENT_OF and entry.kind != "apply":
            steps[entry.path.split("/")[3]].append(entry)
        elif entry.kind == "life applications" and entry.is_acknowledged:
            steps[entry.answer["id"]] = []
    return steps


def _check_step(
    application_id: str, entry: Entry, said: Counter[tuple[str, str]], found: Findings
) -> None:
    name = EVENT_OF[entry.kind]
    times = said[application_id, name]
    if entry.is_acknowledged and times == 0:
        found.lost.append(f"{entry.kind} {entry.key} of {application_id} said no {name}")
    if times > 1:
        found.doubled.append(f"{entry.kind} of {application_id}: {times} times {name}")


def _check_last(application_id: str, entries: list[Entry], state: State, found: Findings) -> None:
    present = state.applications.get(application_id)
    if present is None:
        found.lost.append(f"application {application_id} is not there")
    elif entries:
        allowed = _allowed(entries)
        if present not in allowed:
            wanted = " or ".join(sorted(allowed))
            found.lost.append(f"application {application_id} is {present}, not {wanted}")


def _allowed(entries: Sequence[Entry]) -> set[str]:
    """After the last acknowledged step, whose successors may or may not have been done."""
    allowed: set[str] = set()
    for entry in entries:
        if entry.is_acknowledged:
            allowed = {STATE_AFTER[entry.kind]}
        elif entry.status is None:
            allowed.add(STATE_AFTER[entry.kind])
    return allowed


def _may_be_unknown(application_id: str, ledger: Ledger, state: State) -> bool:
    """Its request may have been carried out although its answer never came."""
    for entry in ledger.entries:
        if entry.status is None and entry.path.endswith("/applications"):
            kept = state.answers.get((entry.person_id, entry.key))
            if kept is not None and kept[1] == application_id:
                return True
    return False


def _check_sequences(events: Sequence[Said], found: Findings) -> None:
    by_subject: dict[tuple[str, UUID], list[int]] = defaultdict(list)
    for event in events:
        by_subject[event.room, event.subject].append(event.sequence)
    for (room, subject), numbers in by_subject.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            found.gaps.append(f"{room}: record {subject} has {sorted(numbers)}")


def _check_handled(state: State, injected: Injected, found: Findings) -> None:
    for room, waiting in state.outbox.items():
        if waiting:
            found.wrong.append(f"{waiting} events still wait in the outbox of {room}")
    known = {event.id for event in state.events}
    for room, names in state.hears.items():
        heard = {event.id for event in state.events if event.name in names}
        dead = {each for each, what in state.setbacks[room].items() if what == "dead"}
        for event_id in heard - state.inbox[room] - dead - injected.faulty:
            found.lost.append(f"{room} never handled event {event_id}")
        for event_id in state.inbox[room] - known - injected.faulty:
            found.wrong.append(f"{room} handled event {event_id}, which nobody ever said")
        for event_id in heard & dead:
            found.wrong.append(f"{room} gave up a healthy event: {event_id}")


def _check_effects(state: State, tallied: frozenset[str], found: Findings) -> None:
    for room in sorted(tallied):
        effects = state.effects.get(room, Counter())
        for event_id, times in effects.items():
            if times > 1:
                found.doubled.append(f"{room} handled event {event_id} {times} times")
        for event_id in state.inbox[room] - set(effects):
            found.lost.append(f"{room} marked event {event_id} as handled, without its effect")


def _check_notices(state: State, found: Findings) -> None:
    for line in state.notices_astray:
        where = found.lost if line.startswith("missing") else found.wrong
        where.append(f"notice {line}")
    if state.notices_doubled:
        found.doubled.append(f"{state.notices_doubled} notices were written twice")


def _check_mails(state: State, mails: Counter[str], found: Findings) -> None:
    """A mail may come again, under the same id, only when its first sending was not answered or its
    sender died before it could note it: then there was a further attempt."""
    taken = Counter({name.strip("<>").partition("@")[0]: times for name, times in mails.items()})
    for delivery_id in state.sent:
        if not taken[delivery_id]:
            found.lost.append(f"mail {delivery_id} was noted as sent: nobody received it")
    for delivery_id, times in taken.items():
        if times > max(state.sent[delivery_id], 1) and delivery_id not in state.in_hand:
            found.doubled.append(f"mail {delivery_id} came {times} times")
        if delivery_id not in state.sent and delivery_id not in state.in_hand:
            found.wrong.append(f"mail {delivery_id} came: nobody meant to send it")
    found.lost += [f"mail {delivery_id} was given up" for delivery_id in state.failed_mails]


def _check_dead(state: State, injected: Injected, found: Findings) -> None:
    meant = set(injected.poison)
    present = {(item.room, item.message_id) for item in state.buried}
    for item in state.buried:
        if (item.room, item.message_id) not in meant:
            found.wrong.append(
                f"a healthy message is dead: {item.room} {item.message_id} ({item.reason})"
            )
        elif not item.reason:
            found.wrong.append(f"no reason is given for {item.message_id}, dead in {item.room}")
    for room, message_id in sorted(meant - present):
        found.lost.append(f"poison {message_id} is not among the dead of {room}")
    for name, times in Counter((item.room, item.message_id) for item in state.buried).items():
        # A second copy of what is set aside hurts nobody: it is forwarded, then acknowledged.
        if times > MOST_TRIES:
            found.wrong.append(f"{name[1]} was buried {times} times in {name[0]}")
    if state.unrouted:
        found.wrong.append(f"{state.unrouted} messages found no queue")


def _check_books(state: State, found: Findings) -> None:
    if state.badges != state.completed:
        found.lost.append(f"{state.completed} completed engagements, {state.badges} badges")
    if state.badges_doubled:
        found.doubled.append(f"{state.badges_doubled} engagements have two badges")
    found.wrong += [f"money: {name} is {value}" for name, value in state.money.items() if value]


def longest_gap(
    successes: Sequence[float], outages: Sequence[tuple[float, float]], start: float, end: float
) -> float:
    """In seconds, without the time in which a server was down."""
    times = [start, *sorted(at for at in successes if start <= at <= end), end]
    return max(
        (later - earlier - _overlap(earlier, later, outages) for earlier, later in pairwise(times)),
        default=0.0,
    )


def _overlap(start: float, end: float, outages: Sequence[tuple[float, float]]) -> float:
    found, counted = 0.0, start
    for since, till in sorted(outages):
        first, last = max(counted, since), min(end, till)
        if last > first:
            found, counted = found + last - first, last
    return found
