"""How results are told: a table on the terminal, Markdown for the documents, and JSON."""

import json
import math
import platform
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 120
console = Console()
if not console.is_terminal:
    console = Console(width=WIDTH)


@dataclass(frozen=True)
class Bar:
    """A promise: `value` is at least, or at most, what is `wanted`; without that, only worth knowing."""

    name: str
    value: float
    wanted: float = math.nan
    at_most: bool = False
    unit: str = ""

    @property
    def passed(self) -> bool:
        if math.isnan(self.wanted):
            return True
        return self.value <= self.wanted if self.at_most else self.value >= self.wanted

    @property
    def cells(self) -> list[str]:
        if math.isnan(self.wanted):
            return [self.name, f"{number(self.value)}{self.unit}", "", ""]
        sign = "at most" if self.at_most else "at least"
        return [
            self.name,
            f"{number(self.value)}{self.unit}",
            f"{sign} {number(self.wanted)}{self.unit}",
            "PASS" if self.passed else "below",
        ]


@dataclass(frozen=True)
class Sheet:
    """One table: the first column is words, the others figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


BAR_COLUMNS = ("promise", "measured", "bar", "")


def bar_sheet(bars: Sequence[Bar]) -> Sheet:
    return Sheet("Bars", BAR_COLUMNS, [bar.cells for bar in bars])


def number(value: float) -> str:
    if math.isnan(value):
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def show(sheet: Sheet) -> None:
    table = Table(title=sheet.title, title_justify="left")
    for place, name in enumerate(sheet.columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=not place)
    for row in sheet.rows:
        style = {"PASS": "green", "below": "red"}.get(row[-1])
        table.add_row(*row, style=style)
    console.print(table)


def markdown(sheet: Sheet) -> str:
    rule = ["---", *["---:"] * (len(sheet.columns) - 1)]
    lines = [sheet.columns, rule, *sheet.rows]
    return "\n".join([f"**{sheet.title}**", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def arguments(name: str, *, events: int, rounds: int) -> ArgumentParser:
    parser = ArgumentParser(prog=f"./sibol bench {name}")
    parser.add_argument("--rounds", type=int, default=rounds, help="the median of them counts")
    parser.add_argument("--events", type=int, default=events, help="in each round")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it runs")
    parser.add_argument("--only", action="append", metavar="PART", help="leave out the other parts")
    parser.add_argument("--out", type=Path, help="a file for the figures as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables for a document")
    return parser


def tell(
    sheets: Sequence[Sheet],
    bars: Sequence[Bar],
    figures: Mapping[str, Any],
    *,
    out: Path | None,
    as_markdown: bool,
) -> None:
    everything = [*sheets, bar_sheet(bars)] if bars else [*sheets]
    for sheet in everything:
        show(sheet)
    if as_markdown:
        # As it stands: rich would wrap and colour it.
        print("\n".join(markdown(sheet) for sheet in everything))
    if out:
        made = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "bars": [
                {"name": bar.name, "value": bar.value, "wanted": bar.wanted, "passed": bar.passed}
                for bar in bars
            ],
            **figures,
        }
        out.write_text(json.dumps(made, indent=2, default=vars) + "\n", "utf-8")
