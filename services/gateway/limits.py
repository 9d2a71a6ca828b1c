"""How often one may ask. Each process counts for itself."""

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from shared.errors import TooMany

READ = parse("6000/minute")
WRITE = parse("3000/minute")
SIGN_IN = parse("20/minute")


class Rates:
    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def check(self, rate: RateLimitItem, who: str) -> None:
        if not await self._limiter.hit(rate, who):
            raise TooMany(f"At most {rate}. Wait a little.")
