"""argon2id with the OWASP parameters, in threads of its own so that nobody else waits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple, Unpack

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shared.errors import Invalid, Unavailable

T = TypeVar("T")
A = TypeVarTuple("A")

SHORTEST = 15
LONGEST = 128
HASH_SECONDS = 10
_hasher = PasswordHash((Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1),))
_threads = ThreadPoolExecutor(2, thread_name_prefix="passwords")
# Checked when no such person exists, so that both answers take the same time.
_NOBODY = _hasher.hash("nobody has this password")


def check_strength(password: str, *, email: str, name: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            f"A password needs {SHORTEST} to {LONGEST} characters; a short sentence works well."
        )
    folded = password.casefold()
    if folded in {email.casefold(), name.casefold()} or len(set(folded)) < 5:
        raise Invalid("Choose a password that is harder to guess.")


async def hashed(password: str) -> str:
    return await _bounded(_hasher.hash, password)


async def matches(password: str, password_hash: str | None) -> bool:
    found = await _bounded(_hasher.verify, password, password_hash or _NOBODY)
    return found and password_hash is not None


async def _bounded(work: Callable[[Unpack[A]], T], *args: *A) -> T:
    try:
        async with asyncio.timeout(HASH_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)
    except TimeoutError:
        raise Unavailable("Too many people are signing in. Try again soon.") from None
