"""Commands that many give at once: those that arrive while a commit is under way are carried out
together, in one transaction, and each is answered for itself after its own row is durable."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web

from services.gateway import metrics
from services.gateway.http import CONNECTION_SECONDS, read, viewer
from services.gateway.idempotency import Claim, Kept, claim_all, find, keep_all, release_all
from shared import crashing
from shared.database import Connection, Database
from shared.database.coalescing import Coalescer, Errand
from shared.errors import Refusal

W = TypeVar("W")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Command(Generic[W, R]):
    """`key_of` names the record or person that two of them must not work on at the same time."""

    name: str
    carry_out: Callable[[Connection, Sequence[Errand[W]]], Awaitable[Sequence[R | Refusal]]]
    key_of: Callable[[W], Hashable]
    answer: Callable[[W, R], web.Response]


@dataclass(frozen=True)
class Given(Generic[W]):
    wanted: W
    claim: Claim | None


Coalescers = dict[str, Coalescer[Any, web.Response]]
COALESCERS: web.AppKey[Coalescers] = web.AppKey("coalescers")


def coalescer(command: Command[Any, Any], database: Database) -> Coalescer[Any, web.Response]:
    def keys_of(given: Given[Any]) -> list[Hashable]:
        own = command.key_of(given.wanted)
        return [own, given.claim.place] if given.claim else [own]

    return Coalescer(_Batches(command, database).carry_out, keys_of=keys_of)


async def together(request: web.Request, command: Command[W, R], wanted: W) -> web.Response:
    given = Given(wanted, await claim_of(request))
    return await request.app[COALESCERS][command.name].ask(given)


async def claim_of(request: web.Request) -> Claim | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    return Claim.of(
        person_id=viewer(request).id,
        key=key,
        request=f"{request.method} {request.path}",
        body=await read(request),
    )


async def found_again(
    request: web.Request, database: AbstractAsyncContextManager[Connection]
) -> web.Response | None:
    """The kept answer to a key whose request would now be refused."""
    claim = await claim_of(request)
    if claim is None:
        return None
    async with database as conn:
        kept = await find(conn, claim)
    if isinstance(kept, Refusal):
        raise kept
    return replayed(kept) if kept else None


def replayed(kept: Kept) -> web.Response:
    response = web.Response(text=kept.text, status=kept.status, content_type="application/json")
    if kept.text is None:
        response = web.Response(status=kept.status)
    response.headers["Idempotent-Replayed"] = "true"
    if kept.etag is not None:
        response.etag = kept.etag
    return response


def kept_of(response: web.Response) -> Kept:
    etag = response.etag.value if response.etag else None
    return Kept(response.status, etag, response.text or None)


class _Batches(Generic[W, R]):
    def __init__(self, command: Command[W, R], database: Database) -> None:
        self._command = command
        self._database = database
        self._size = metrics.together.labels(command.name)

    async def carry_out(self, asked: Sequence[Errand[Given[W]]]) -> list[web.Response | Refusal]:
        self._size.observe(len(asked))
        async with self._database.acquire(timeout=CONNECTION_SECONDS) as conn:
            async with conn.transaction():
                outcomes = await self._once_each(conn, asked)
                crashing.at("gateway.before_commit")
            crashing.at("gateway.after_commit")
        return outcomes

    async def _once_each(
        self, conn: Connection, asked: Sequence[Errand[Given[W]]]
    ) -> list[web.Response | Refusal]:
        claims = [each.wanted.claim for each in asked if each.wanted.claim]
        kept = dict(zip(claims, await claim_all(conn, claims), strict=True))
        known = [kept[each.wanted.claim] if each.wanted.claim else None for each in asked]
        new = [each for each, before in zip(asked, known, strict=True) if before is None]
        done = iter(await self._done(conn, new))
        return [
            replayed(before) if isinstance(before, Kept) else before or next(done)
            for before in known
        ]

    async def _done(
        self, conn: Connection, asked: Sequence[Errand[Given[W]]]
    ) -> list[web.Response | Refusal]:
        plain = [Errand(each.wanted.wanted, each.origin) for each in asked]
        results = await self._command.carry_out(conn, plain) if plain else []
        outcomes = [
            result if isinstance(result, Refusal) else self._command.answer(each.wanted, result)
            for each, result in zip(plain, results, strict=True)
        ]
        claims = [each.wanted.claim for each in asked]
        await self._keep(conn, [(c, o) for c, o in zip(claims, outcomes, strict=True) if c])
        return outcomes

    async def _keep(
        self, conn: Connection, claimed: Sequence[tuple[Claim, web.Response | Refusal]]
    ) -> None:
        await keep_all(conn, [(c, kept_of(o)) for c, o in claimed if isinstance(o, web.Response)])
        await release_all(conn, [c for c, o in claimed if isinstance(o, Refusal)])
