"""./sibol chaos --seed 1 --seconds 30 [--seeds 20] [--only kill,freeze] [--keep]
./sibol chaos --defect no-inbox
./sibol chaos --recovery
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvloop
from rich.console import Console
from rich.markup import escape

from chaos import recovery, report, scenarios, servers
from chaos.faults import FAULTS
from chaos.running import Outcome, Say, Wishes, a_run
from chaos.scenarios import SCENARIOS
from chaos.servers import Servers
from launcher.console import Clock, show
from launcher.places import ROOT, Places
from launcher.processes import end
from launcher.running import Run, run_in

ALL = "all"
# Each scene is two or three rooms; more at once only wait for each other.
SCENES_AT_ONCE = 3


def places() -> Places:
    return Places(home=ROOT / ".sibol" / "chaos", servers=ROOT / ".sibol" / "servers")


@asynccontextmanager
async def ending(run: Run) -> AsyncIterator[None]:
    """Whatever was started is stopped."""
    try:
        yield
    finally:
        endings = [entry.ending() for entry in run.record.entries.values()]
        await asyncio.to_thread(end, endings)
        run.record.entries.clear()


async def run_seeds(run: Run, given: argparse.Namespace) -> bool:
    outcomes: list[Outcome] = []
    async with ending(run):
        found = await servers.bring_up(run, Clock().say)
        for seed in range(given.seed, given.seed + given.seeds):
            wishes = Wishes(seed, given.seconds, frozenset(given.only), keep=given.keep)
            with progress() as say:
                outcomes.append(await a_run(run, found, say, wishes))
            report.tell(outcomes)
    return all(outcome.is_good for outcome in outcomes)


@contextmanager
def progress() -> Iterator[Say]:
    """One line that changes where somebody looks on, else one after the other."""
    clock, console = Clock(), Console(highlight=False)
    if not console.is_terminal:
        yield clock.say
        return
    with console.status("starting") as status:
        yield lambda text: status.update(escape(f"{clock.seconds:6.1f} s  {text}"))


async def run_defects(run: Run, names: list[str]) -> bool:
    turns = asyncio.Semaphore(SCENES_AT_ONCE)

    async def one(found: Servers, name: str | None) -> bool:
        async with turns:
            if name is None:
                outcome = await scenarios.sound(run, found)
            else:
                outcome = await scenarios.defective(run, found, name)
        finds = SCENARIOS[name].finds if name else None
        return report.tell_scene(name or "no defect", outcome, finds=finds)

    async with ending(run):
        found = await servers.bring_up(run, Clock().say)
        return all(await asyncio.gather(*(one(found, name) for name in (None, *names))))


async def run_recovery(run: Run) -> bool:
    async with ending(run):
        found = await servers.bring_up(run, Clock().say)
        with progress() as say:
            result = await recovery.measured(run, found, say)
        report.tell_recovery(result)
    return result.is_good


def names_in(known: list[str]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        found = [name for name in text.split(",") if name]
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]}; known: {', '.join(known)}")
        return found

    return read


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("./sibol chaos", description="Break everything, and look.")
    parser.add_argument("--seed", type=int, default=1, help="The plan of faults follows from it.")
    parser.add_argument("--seeds", type=int, default=1, help="How many, one after the other.")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", type=names_in(list(FAULTS)), default=[], help="fault,fault")
    parser.add_argument("--keep", action="store_true", help="Keep database and queues.")
    parser.add_argument(
        "--defect",
        type=names_in([*SCENARIOS, ALL]),
        default=[],
        help="Play the scene made for a known defect, with it and without: all, or a name.",
    )
    parser.add_argument(
        "--recovery",
        action="store_true",
        help="Measure how soon the rooms work again after each trouble alone; four minutes.",
    )
    return parser.parse_args(arguments)


def wanted(run: Run, given: argparse.Namespace) -> Coroutine[None, None, bool]:
    if given.recovery:
        return run_recovery(run)
    if given.defect:
        return run_defects(run, list(SCENARIOS) if ALL in given.defect else given.defect)
    return run_seeds(run, given)


def main(arguments: list[str]) -> int:
    given = read_arguments(arguments)
    with run_in(places(), wait=True) as run:
        try:
            good = uvloop.run(wanted(run, given))
        except KeyboardInterrupt:
            show("Interrupted; everything is stopped.")
            return 130
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
