"""Sibol as a front end calls it: every command carries a key, so that asking again does nothing twice."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import aiohttp

from launcher.errors import Refused

T = TypeVar("T")

# How long a room may be away before the demo gives up.
PATIENCE = 60.0
ANSWER_SECONDS = 15.0
AT_ONCE = 8
AGAIN = frozenset({429, 500, 502, 503, 504})


class Problem(Exception):
    """What the gateway refused, in its own words."""

    def __init__(self, status: int, problem: Any, asked: str) -> None:
        self.status = status
        self.problem: dict[str, Any] = problem if isinstance(problem, dict) else {}
        detail = self.problem.get("detail", "without a reason")
        super().__init__(f"{asked} was refused ({status}): {detail}{_errors(self.problem)}")


def _errors(problem: dict[str, Any]) -> str:
    listed = [f" {error['pointer']}: {error['detail']}." for error in problem.get("errors", [])]
    return "".join(listed)


@dataclass
class Api:
    session: aiohttp.ClientSession
    base: str
    token: str | None = None
    person: Any = None

    async def get(self, path: str) -> Any:
        return await self._patiently("GET", path)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return await self._patiently("POST", path, body or {}, key=key or uuid4().hex)

    async def put(self, path: str, body: Any) -> Any:
        return await self._patiently("PUT", path, body, key=uuid4().hex)

    async def post_stable(self, path: str, body: Any = None) -> Any:
        """Under a key made from the request itself, so that a later run does not repeat it."""
        return await self.post(path, body, key=content_key(path, body or {}))

    async def upload(self, name: str, media_type: str, text: str) -> Any:
        at = f"/v1/files?name={quote(name)}"
        return await self._patiently("POST", at, text.encode(), media_type=media_type)

    async def document(self, path: str) -> bytes:
        """The exact bytes of something public."""
        content = await self._patiently("GET", path, media_type="application/vc")
        assert isinstance(content, bytes)
        return content

    async def all(self, path: str) -> list[Any]:
        """Every item of every page."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = await self.get(f"{path}?limit=100{cursor}")
            found.extend(page["items"])
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    async def enter(
        self, *, email: str, password: str, name: str, locale: str
    ) -> tuple["Api", bool]:
        """Sign up, or in when that was done before; say whether the person is new."""
        newcomer = {"email": email, "password": password, "name": name, "locale": locale}
        try:
            return self._as(await self._patiently("POST", "/v1/people", newcomer)), True
        except Problem as problem:
            if problem.status != 409:
                raise
        return await self.sign_in(email, password), False

    async def sign_in(self, email: str, password: str) -> "Api":
        person = {"email": email, "password": password}
        return self._as(await self._patiently("POST", "/v1/sessions", person))

    def _as(self, answer: Any) -> "Api":
        return Api(self.session, self.base, answer["token"], answer["person"])

    async def _patiently(self, method: str, path: str, body: Any = None, **told: str) -> Any:
        """Ask until there is an answer; a room that was ended comes back."""
        end = time.monotonic() + PATIENCE
        tries = 0
        while True:
            tries += 1
            try:
                return await self._ask(method, path, body, **told)
            except (aiohttp.ClientError, TimeoutError, Problem) as error:
                if not may_pass(error, tries=tries, keyed="key" in told):
                    raise
                if time.monotonic() > end:
                    raise _gone(self.base, error) from error
            await asyncio.sleep(min(0.1 * tries, 1.0))

    async def _ask(
        self, method: str, path: str, body: Any, *, key: str = "", media_type: str = ""
    ) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        content: Any = {"json": body}
        if isinstance(body, bytes):
            content = {"data": body}
            headers["Content-Type"] = media_type
        async with self.session.request(
            method, self.base + path, headers=headers, **content
        ) as response:
            if response.status < 400 and media_type and body is None:
                return await response.read()
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise Problem(response.status, answer, f"{method} {path}")
            return answer


def may_pass(error: Exception, *, tries: int, keyed: bool) -> bool:
    """Whether to ask again. After a lost answer, the twin under way has the same key."""
    if not isinstance(error, Problem):
        return True
    twin = error.status == 409 and "state" not in error.problem and keyed and 1 < tries < 8
    return error.status in AGAIN or twin


def _gone(base: str, error: Exception) -> Refused:
    return Refused(
        f"{base} has not answered for {PATIENCE:.0f} s ({str(error) or type(error).__name__}). "
        "Look at ./sibol status and ./sibol logs gateway."
    )


def content_key(path: str, body: Any) -> str:
    content = f"{path}\n{json.dumps(body, sort_keys=True)}"
    return f"demo-{hashlib.sha256(content.encode()).hexdigest()}"


@asynccontextmanager
async def opened(api_url: str) -> AsyncIterator[Api]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    # Shorter than the gateway's own patience, so that no request meets a connection being closed.
    connector = aiohttp.TCPConnector(limit=2 * AT_ONCE, keepalive_timeout=5)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        yield Api(session, api_url.rstrip("/"))


async def for_each(items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """A few at once; the first failure stops all."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await act(item)

    with first_failure():
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())


@contextmanager
def first_failure() -> Iterator[None]:
    """Raise the first failure of a task group as itself."""
    try:
        yield
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def eventually(
    ask: Callable[[], Awaitable[T]], wanted: Callable[[T], Any], *, what: str, pause: float = 0.02
) -> T:
    """Ask until the answer is the wanted one."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = await ask()
        if wanted(answer):
            return answer
        if time.monotonic() > end:
            raise Refused(f"{what} did not happen within {PATIENCE:.0f} s. See ./sibol status.")
        await asyncio.sleep(pause)
