import pytest

from chaos.faults import ALARMS, ALWAYS, CARRIED_OUT, FAULTS, plan_of

SEEDS = range(1, 41)


def test_every_fault_can_be_carried_out():
    assert set(FAULTS) == set(CARRIED_OUT)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_plan_follows_from_the_seed(seed):
    assert plan_of(seed, 30) == plan_of(seed, 30)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_faults_hold_the_same_thing_at_once(seed):
    plan = plan_of(seed, 30)

    for place, later in enumerate(plan):
        for earlier in plan[:place]:
            apart = earlier.claims != later.claims
            assert apart or earlier.at + earlier.seconds <= later.at


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fault_ends_before_the_run_does(seed):
    assert all(planned.at + planned.seconds <= 30 for planned in plan_of(seed, 30))


def test_between_them_twenty_seeds_meet_every_fault_and_each_meets_the_worst():
    plans = [{planned.name for planned in plan_of(seed, 30)} for seed in range(1, 21)]

    assert set.union(*plans) == set(FAULTS)
    for met in plans:
        assert set(ALWAYS[:3]) <= met
    assert sum(bool(met & set(ALARMS)) for met in plans) >= 10


def test_only_the_wished_faults_are_planned():
    assert {planned.name for planned in plan_of(1, 20, ["kill", "reset"])} == {"kill", "reset"}
