"""Packages of another Debian than this one: they bring their own C library, so each program is
started by the loader that came with it. Nothing of the system changes."""

import os
import re
from pathlib import Path

from launcher.commands import run
from launcher.errors import Refused

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PROGRAMS = ".programs"
PROGRAM = b"\x7fELF"
STARTED = """\
#!/bin/sh
root="${{SIBOL_ERLANG%/usr/lib/erlang}}"
exec "$root/{loader}" --library-path "$root/{libraries}" "$root/{program}" "$@"
"""


def wanted() -> str | None:
    """As `trixie`, or None for this system's own packages."""
    suite = os.environ.get("SIBOL_RABBITMQ_SUITE")
    if suite and not re.fullmatch(r"[a-z]+", suite):
        raise Refused(
            f"SIBOL_RABBITMQ_SUITE is {suite!r}; it is the name of a Debian, for example trixie."
        )
    return suite or None


async def options(work: Path, suite: str) -> list[str]:
    """Let apt-get look at the other Debian, where this one comes from, as if nothing were installed."""
    archive = await _archive()
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {archive} {suite} main\n")
    return ["-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null"]


async def _archive() -> str:
    form = "$(REPO_URI) $(COMPONENT) $(RELEASE)"
    listed = await run("apt-get", "indextargets", "--format", form, "Created-By: Packages")
    for line in listed.splitlines():
        archive, component, release = line.split()
        if component == "main" and "-" not in release:
            return archive
    raise Refused("This system's apt knows no Debian archive from which to take another Debian.")


def wrap(root: Path) -> None:
    """Let Erlang's programs be started by their own loader."""
    loader = next(root.glob("usr/lib/*-linux-*/ld-linux-*.so.*"))
    erlang = root / "usr/lib/erlang"
    for program in (*erlang.glob("erts-*/bin/*"), *erlang.glob("lib/*/priv/bin/*")):
        if program.is_file() and not program.is_symlink() and _is_program(program):
            _wrap(root, program, loader)


def is_wrapped(root: Path) -> bool:
    return any(root.glob(f"usr/lib/erlang/erts-*/bin/{PROGRAMS}"))


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PROGRAM)) == PROGRAM


def _wrap(root: Path, program: Path, loader: Path) -> None:
    kept = program.parent / PROGRAMS / program.name
    kept.parent.mkdir(exist_ok=True)
    program.rename(kept)
    program.write_text(
        STARTED.format(
            loader=loader.relative_to(root),
            libraries=loader.parent.relative_to(root),
            program=kept.relative_to(root),
        )
    )
    program.chmod(0o755)
