"""The least that an hour may pay, by region and day."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from services.gateway.organizations.regions import REGIONS

TABLE = Path(__file__).parent / "data" / "minimum_wages.toml"
MANILA = ZoneInfo("Asia/Manila")
HOURS_A_DAY = 8


@dataclass(frozen=True)
class Wage:
    """`daily_wage` in centavos, as the wage order `source` sets it from the day `since`."""

    region: str
    since: date
    daily_wage: int
    source: str
    checked: bool

    @property
    def hourly_floor(self) -> int:
        return -(-self.daily_wage // HOURS_A_DAY)


@cache
def table() -> dict[str, list[Wage]]:
    """By region, the newest first."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found = {
        region: [Wage(region=region, **order) for order in orders]
        for region, orders in rows.items()
    }
    return {
        region: sorted(orders, key=lambda order: order.since, reverse=True)
        for region, orders in found.items()
    }


def in_force(region: str, on: date) -> Wage | None:
    return next((wage for wage in table().get(region, []) if wage.since <= on), None)


def all_in_force(on: date, regions: Iterable[str] = REGIONS) -> list[Wage]:
    return [wage for region in regions if (wage := in_force(region, on))]


def day_of(at: datetime) -> date:
    return at.astimezone(MANILA).date()
