"""One seed of faults, and the scenes made for known defects, on servers that may be killed."""

import asyncio
import os

import pytest

from chaos import scenarios
from chaos.__main__ import ending
from chaos.running import Wishes, a_run
from chaos.scenarios import SCENARIOS
from chaos.servers import bring_up
from launcher.places import ROOT, Places
from launcher.running import run_in

SEED, SECONDS = 5, 30
# Half of those of `./sibol chaos`: here it shares the machine with other tests' servers.
WORKERS = 8
AT_ONCE = 3
# A busy machine does fewer; a quiet one thousands.
FEWEST_OPERATIONS = 100


@pytest.fixture(scope="module")
async def stage():
    if "SIBOL_TEST_DATABASE_URL" not in os.environ:
        pytest.skip("needs servers: run ./sibol test")
    places = Places(home=ROOT / ".sibol" / "test" / "chaos", servers=ROOT / ".sibol" / "servers")
    with run_in(places, wait=True) as run:
        async with ending(run):
            yield run, await bring_up(run, print)


async def test_a_seed_of_faults_loses_nothing_and_does_nothing_twice(stage):
    run, servers = stage
    wishes = Wishes(SEED, SECONDS, patient=False, workers=WORKERS)

    outcome = await a_run(run, servers, print, wishes)

    print(outcome)
    assert outcome.findings.all() == [], f"see {outcome.folder}"
    assert outcome.acknowledged >= FEWEST_OPERATIONS


async def test_every_known_defect_is_found_and_what_is_sound_is_not_accused(stage):
    run, servers = stage
    turns = asyncio.Semaphore(AT_ONCE)

    async def played(scene):
        async with turns:
            return (await scene).findings.all()

    sound, *found = await asyncio.gather(
        played(scenarios.sound(run, servers)),
        *(played(scenarios.defective(run, servers, name)) for name in SCENARIOS),
    )

    assert sound == []
    for scenario, lines in zip(SCENARIOS.values(), found, strict=True):
        assert any(scenario.finds in line for line in lines), f"{scenario.finds}: {lines}"
