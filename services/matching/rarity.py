"""What each skill weighs, counted over the index. Counting 10,000 people takes tens of
milliseconds and a single change moves the weights little, so one count serves for seconds."""

import time

from services.matching import queries
from services.matching.scoring import Rarity
from shared.database import Connection

LIFE_SECONDS = 5.0


class Rarities:
    def __init__(self) -> None:
        self._counted: Rarity | None = None
        self._ends_at = 0.0

    async def now(self, conn: Connection) -> Rarity:
        if self._counted is None or time.monotonic() >= self._ends_at:
            self._counted = Rarity.of(
                await queries.count_skills(conn), await queries.count_lists(conn)
            )
            self._ends_at = time.monotonic() + LIFE_SECONDS
        return self._counted

    def forget(self) -> None:
        self._counted = None
