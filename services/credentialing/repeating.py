import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shared import log
from shared.database import is_away

POLL_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5


async def repeat(stopping: asyncio.Event, step: Callable[[], Awaitable[bool]]) -> None:
    """`step` says whether there may be more to do at once."""
    pause = POLL_SECONDS
    while not stopping.is_set():
        try:
            pause = 0 if await step() else POLL_SECONDS
        except Exception as error:
            if not is_away(error):
                raise
            log.get().warning("neighbour_away", error=type(error).__name__)
            pause = min(max(pause, POLL_SECONDS) * 2, LONGEST_PAUSE_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
