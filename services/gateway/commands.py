"""One route for each command that a person may give, made from the lifecycle's table."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from services.gateway.http import Handler, Route, body, path_id
from services.gateway.lifecycles import Machine
from services.gateway.lifecycles.machine import PEOPLE, words
from services.gateway.proposals.schemas import ProposalRequest
from services.gateway.schemas import Request

Give = Callable[[web.Request, UUID, str, Request], Awaitable[web.Response]]


def command_routes(
    machine: Machine,
    give: Give,
    *,
    gives: type[BaseModel],
    takes: Mapping[str, type[Request]],
    together: Collection[str] = (),
) -> list[Route]:
    """`takes` names the commands that are open to people, each with the body it needs; `together`
    those that many give at once."""
    return [
        Route(
            "POST",
            f"/v1/{machine.record}s/{{{machine.record}_id}}/{command.replace('_', '-')}",
            _handler(machine, command, model, give),
            f"{words(machine.record).capitalize()}: {words(command)}",
            tuple(sorted(machine.who_may(command) & PEOPLE)),
            takes=model,
            gives=gives,
            proposes=issubclass(model, ProposalRequest),
            together=command in together,
            notes=_notes(machine, command),
        )
        for command, model in sorted(takes.items())
    ]


def _notes(machine: Machine, command: str) -> str:
    """From which state to which, what is said, and what to know."""
    steps = [move for move in machine.moves if move.command == command and move.who & PEOPLE]
    lines = [
        f"\n- {words(move.source)} → **{words(move.to)}**, says `{move.event.name}`"
        + (f" ({move.note})" if move.note else "")
        for move in steps
    ]
    return "\n" + "".join(lines)


def _handler(machine: Machine, command: str, model: type[Request], give: Give) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        wanted = await body(request, model)
        return await give(request, path_id(request, f"{machine.record}_id"), command, wanted)

    return handle
