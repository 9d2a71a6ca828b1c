"""How the demo is told: one paragraph for each step, readable with and without colour."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from textwrap import fill, wrap

from rich.markup import escape

from launcher.console import show
from launcher.demo.data import Item
from launcher.demo.watching import Said
from services.gateway.timers.calendar import MANILA

WIDTH = 78
# Said for every mail; the mails are told of at the end.
TOO_MANY = frozenset({"notification.delivered.v1"})


@dataclass
class Teller:
    steps: int = 0
    events: int = 0
    notices: int = 0
    states: dict[str, str] = field(default_factory=dict)

    def chapter(self, title: str) -> None:
        show(f"\n[bold]{title}[/]")

    def step(self, what: str, *, took: float, settled: float | None = None) -> None:
        self.steps += 1
        times = f"[dim]{milliseconds(took)}{_after(settled)}[/]"
        show(f"\n[bold cyan]{self.steps:2}[/]  [bold]{escape(what)}[/]  {times}")

    def words(self, text: str) -> None:
        show(f'      [italic]"{escape(shortened(text))}"[/]')

    def line(self, label: str, text: str) -> None:
        show(f"      [dim]{label:7}[/]  {text}")

    def paragraph(self, label: str, text: str) -> None:
        first, *more = wrap(text, width=90)
        self.line(label, escape(first))
        for line in more:
            self.line("", escape(line))

    def moved(self, found: dict[str, Item]) -> None:
        """What is in another state than after the step before, and until when."""
        for record, item in found.items():
            before, state = self.states.get(record), item["state"]
            if before != state:
                arrow = f"{spaced(before)} -> " if before else ""
                self.line("state", f"{record}  {arrow}[green]{spaced(state)}[/]")
                self._until(item)
            self.states[record] = state

    def _until(self, item: Item) -> None:
        if pay := paid_by(item):
            self.line("money", pay)
        elif due := next_due(item):
            self.line("until", due)

    def said(self, events: Iterable[Said]) -> None:
        shown = [event for event in events if event.name not in TOO_MANY]
        self.events += len(shown)
        counts = Counter((event.room, event.name) for event in shown)
        for (room, name), count in counts.items():
            alike = [event for event in shown if (event.room, event.name) == (room, name)]
            times = f" x {count}" if count > 1 else ""
            self.line("event", f"[yellow]{plain(name)}[/]{times}{_heard(alike)}")

    def told(self, who: str, notice: Item) -> None:
        self.notices += 1
        self.line("notice", f"{escape(who)}: {escape(notice['title'])}")

    def explain(self, text: str) -> None:
        indent = " " * 6
        show(f"[dim]{fill(text, width=90, initial_indent=indent, subsequent_indent=indent)}[/]")

    def finding(self, text: str, *, holds: bool) -> None:
        show(f"      {'[green]✓[/]' if holds else '[bold red]✗[/]'} {escape(text)}")

    def address(self, title: str, where: str) -> None:
        show(f"      {title:17} {escape(where)}")


def _heard(events: list[Said]) -> str:
    """By whom, and how long after it was said; the slowest of those alike."""
    longest: dict[str, float] = {}
    for event in events:
        for room, at in event.heard.items():
            lasted = (at - event.occurred_at).total_seconds()
            longest[room] = max(lasted, longest.get(room, 0.0))
    listed = [f"{room} {milliseconds(lasted)}" for room, lasted in sorted(longest.items())]
    return f"  [dim]heard by {', '.join(listed)}[/]" if listed else ""


def _after(settled: float | None) -> str:
    return "" if settled is None else f", all rooms after {milliseconds(settled)}"


def paid_by(item: Item) -> str | None:
    """Of a payment that somebody works for: the latest that it arrives."""
    if item.get("pay_by") is None:
        return None
    return f"{pesos(item['net'])} with the intern by {day(item['pay_by'])} at the latest"


def next_due(item: Item) -> str | None:
    """What silence does next, unless the record's money tells it already."""
    ends = [due for due in item.get("due", []) if due["then"] and "pay_by" not in item]
    if not ends:
        return None
    turn = " or ".join(f"the {spaced(who)}'s" for who in ends[0]["waits_on"])
    return f"{day(ends[0]['due_at'])}, {turn} turn; silence makes it {spaced(ends[0]['then'])}"


def pesos(centavos: int) -> str:
    whole, rest = divmod(centavos, 100)
    return f"₱{whole:,}" + (f".{rest:02}" if rest else "")


def day(at: str) -> str:
    """In the Philippines."""
    found = datetime.fromisoformat(at).astimezone(MANILA)
    return f"{found.day} {found:%b %Y}"


def short_day(at: str) -> str:
    return day(at).rpartition(" ")[0]


def plain(name: str) -> str:
    """Without its version."""
    return name.rpartition(".")[0]


def spaced(state: str) -> str:
    return state.replace("_", " ")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def shortened(text: str, width: int = WIDTH) -> str:
    """The beginning, in one line, cut between words."""
    line = " ".join(text.split())
    if len(line) <= width:
        return line
    return line[: width - 2].rpartition(" ")[0].rstrip(",.;:") + "..."
