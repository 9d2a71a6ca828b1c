from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, StringConstraints

from services.gateway.http import ANYONE, Route, answer, query
from services.gateway.schemas import Request, View, one_line
from shared import skills


class SkillsQuery(Request):
    q: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
        AfterValidator(one_line),
    ]


class SuggestionView(View):
    """`method` says how it was found: exact, filipino or trigram."""

    id: str
    label: str
    score: float
    method: str


class SuggestionsView(View):
    attribution: str = "This service uses the ESCO classification of the European Commission."
    items: list[SuggestionView]


async def suggest_skills(request: web.Request) -> web.Response:
    wanted = query(request, SkillsQuery)
    found = skills.load().suggest(wanted.q, limit=5)
    items = [
        SuggestionView(
            id=item.skill.id, label=item.skill.label, score=item.score, method=item.method
        )
        for item in found
    ]
    return answer(SuggestionsView(items=items))


ROUTES = [
    Route(
        "GET",
        "/v1/skills",
        suggest_skills,
        "Five skills that a phrase may mean, in English or Filipino",
        (ANYONE,),
        filters=SkillsQuery,
        gives=SuggestionsView,
    ),
]
