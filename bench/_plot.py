"""Two plots for the documents: what the parts of an event cost, and how the cost grows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

INK, QUIET, PAPER = "#26332f", "#6b7a75", "#fbfaf6"
PARTS = {"worker": "#2f6f5e", "postgres": "#c9a24a", "broker": "#b9674b"}


def plot_parts(
    path: Path, title: str, groups: Mapping[str, Sequence[tuple[str, Mapping[str, float]]]]
) -> None:
    """Stacked bars, one for each contestant; each part carries its figure where it fits."""
    sizes = [len(rows) for rows in groups.values()]
    height = 1.4 + 0.36 * sum(sizes) + 0.5 * len(groups)
    figure = Figure(figsize=(9.2, height), layout="constrained", facecolor=PAPER)
    axes = figure.subplots(len(groups), 1, height_ratios=sizes, squeeze=False)
    for (axis,), (name, rows) in zip(axes, groups.items(), strict=True):
        _stack(axis, name, rows)
    axes[-1][0].set_xlabel("CPU microseconds for each event, all processes", color=QUIET)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(
        handles[:3], labels[:3], loc="outside lower center", ncols=3, frameon=False, labelcolor=INK
    )
    figure.suptitle(title, color=INK, x=0.02, ha="left", fontsize=13)
    figure.savefig(path, dpi=150, facecolor=PAPER)


def _stack(axis: Any, name: str, rows: Sequence[tuple[str, Mapping[str, float]]]) -> None:
    names = [label for label, _ in rows]
    widest = max(sum(parts.values()) for _, parts in rows)
    left = [0.0] * len(rows)
    for part, colour in PARTS.items():
        widths = [parts[part] for _, parts in rows]
        axis.barh(names, widths, left=left, color=colour, label=part, height=0.66)
        for place, width in enumerate(widths):
            if width > widest * 0.045:
                middle = left[place] + width / 2
                axis.text(
                    middle,
                    place,
                    f"{width:.0f}",
                    color="white",
                    ha="center",
                    va="center",
                    fontsize=8,
                )
        left = [before + width for before, width in zip(left, widths, strict=True)]
    for place, total in enumerate(left):
        axis.text(total + widest * 0.012, place, f"{total:.0f}", color=INK, va="center", fontsize=9)
    axis.set_title(name, loc="left", color=INK, fontsize=10)
    axis.set_xlim(0, widest * 1.1)
    axis.invert_yaxis()
    _calm(axis)


def plot_growth(path: Path, lines: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    figure = Figure(figsize=(6.4, 3.2), layout="constrained", facecolor=PAPER)
    axis = figure.subplots()
    for (name, points), colour in zip(lines.items(), PARTS.values(), strict=False):
        sizes, values = [size for size, _ in points], [value for _, value in points]
        axis.plot(sizes, values, color=colour, marker="o", label=name)
        for size, value in points:
            axis.annotate(
                f"{value:.0f}",
                (size, value),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                color=INK,
                fontsize=8,
            )
    axis.set_xscale("log")
    axis.set_ylim(0, max(value for points in lines.values() for _, value in points) * 1.3)
    axis.set_xlabel("rows stored before", color=QUIET)
    axis.set_title("CPU microseconds for each event", loc="left", color=INK, fontsize=10)
    axis.legend(frameon=False, labelcolor=INK, loc="lower right")
    _calm(axis)
    figure.savefig(path, dpi=150, facecolor=PAPER)


def _calm(axis: Any) -> None:
    axis.set_facecolor(PAPER)
    axis.tick_params(which="both", colors=INK, length=0, labelsize=9)
    axis.grid(visible=True, axis="x", color="#e4e0d4", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in axis.spines.values():
        side.set_visible(False)
