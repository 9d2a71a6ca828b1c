"""How long silence can last, from the timers alone."""

import math

from services.gateway.lifecycles.machine import Machine, Timer

WORKING_DAYS_A_WEEK = 5
WEEKEND_DAYS = 2


def silence_bound(machine: Machine, state: str) -> float:
    """The most calendar days, without holidays and freezes, from entering the state until an end
    or a rest, when nobody does anything."""
    if state in machine.terminal or state in machine.resting:
        return 0.0
    timer = first_moving(machine, state)
    ways = [timer.to, timer.otherwise.to if timer.otherwise else None]
    return calendar_days(timer) + max(silence_bound(machine, to) for to in ways if to)


def first_moving(machine: Machine, state: str) -> Timer:
    """The timer that ends silence in this state."""
    moving = [timer for timer in machine.timers_in(state) if timer.to]
    return min(moving, key=calendar_days)


def calendar_days(timer: Timer) -> float:
    """Working days with their weekends: begun on whichever day, never more than this."""
    if not timer.working:
        return float(timer.days)
    return float(timer.days + WEEKEND_DAYS * math.ceil(timer.days / WORKING_DAYS_A_WEEK))
