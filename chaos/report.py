"""What a person wants to know at the end."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from chaos.recovery import Recovery
from chaos.running import Outcome
from launcher.console import show

ADDED = ("acknowledged", "repeats", "unknown", "mails", "resends", "lives", "deaths", "counts")
HARMS = ("lost", "doubled", "gaps", "wrong")
DRAINED_BAR, GAP_BAR = 10.0, 5.0
MOST_LINES = 40


def tell(outcomes: Sequence[Outcome]) -> None:
    shown = Table("seed", "done", *HARMS, "drained", "gap", "mails", "lives", "deaths")
    for outcome in outcomes:
        shown.add_row(str(outcome.seed), *_figures(outcome))
    if len(outcomes) > 1:
        shown.add_section()
        shown.add_row("sum", *_figures(summed(outcomes)))
    show(shown)
    _tell_sum(summed(outcomes))
    for outcome in outcomes:
        _tell_findings(outcome)


def summed(outcomes: Sequence[Outcome]) -> Outcome:
    """Counts are added; of times, the worst."""
    found = Outcome(0)
    for each in outcomes:
        for name in ADDED:
            setattr(found, name, getattr(found, name) + getattr(each, name))
        for name in ("gap", "gap_with_broker_down", "drained"):
            setattr(found, name, max(getattr(found, name), getattr(each, name)))
        for name in HARMS:
            getattr(found.findings, name).extend(getattr(each.findings, name))
    return found


def _figures(outcome: Outcome) -> list[str]:
    harms = [getattr(outcome.findings, name) for name in HARMS]
    return [
        str(outcome.acknowledged),
        *(_alarming(str(len(found)), good=not found) for found in harms),
        _alarming(f"{outcome.drained:.1f}", good=outcome.drained <= DRAINED_BAR),
        _alarming(f"{outcome.gap:.1f}", good=outcome.gap <= GAP_BAR),
        str(outcome.mails),
        str(outcome.lives),
        str(outcome.deaths),
    ]


def _alarming(text: str, *, good: bool) -> str:
    return text if good else f"[red]{text}[/]"


def _tell_sum(whole: Outcome) -> None:
    faults = ", ".join(f"{name} {count}" for name, count in whole.counts.most_common())
    show(
        "Done are acknowledged operations; drained and gap are seconds, after the last fault and between "
        "successes while both servers were up."
    )
    show(f"Faults: {faults}")
    show(
        f"{whole.repeats} commands were sent again; {whole.unknown} never had an answer; "
        f"{whole.resends} mails came again under the same id; longest gap while the broker was down "
        f"too: {whole.gap_with_broker_down:.1f} s"
    )


def _tell_findings(outcome: Outcome) -> None:
    lines = outcome.findings.all()
    for line in lines[:MOST_LINES]:
        show(f"[red]seed {outcome.seed}[/]  {escape(line)}")
    if len(lines) > MOST_LINES:
        show(f"... and {len(lines) - MOST_LINES} more")
    if lines:
        show(f"Logs and ledger: {outcome.folder}")
    for line in [*outcome.missed, *outcome.lives_broken]:
        show(f"[dim]seed {outcome.seed}  {escape(line)}[/]")


def tell_scene(name: str, outcome: Outcome, *, finds: str | None) -> bool:
    """With a defect the one thing must be found, without one nothing."""
    lines = outcome.findings.all()
    good = any(finds in line for line in lines) if finds else not lines
    colour = "green" if good else "red"
    show(f"[{colour}]{name}: {len(lines) or 'nothing'} found[/]")
    telling = [line for line in lines if finds and finds in line] if good else lines
    for line in telling[: 2 if good else MOST_LINES]:
        show(f"  {escape(line)}")
    if not good:
        show(f"  Logs and ledger: {outcome.folder}")
    return good


def tell_recovery(found: Recovery) -> None:
    shown = Table("after trouble", "measured", "at most")
    for finding in found.findings:
        value = _alarming(f"{finding.value:.1f} s", good=finding.is_good)
        shown.add_row(finding.promise, value, f"{finding.most:.0f} s")
    show(shown)
    show(
        f"{found.outcome.acknowledged} operations were acknowledged, {found.accepted} of them while the "
        f"broker was away. {found.repaired} events lay in the deleted queue and were said again."
    )
    _tell_findings(found.outcome)
