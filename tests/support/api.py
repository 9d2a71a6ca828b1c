"""Drive Sibol as a front end would."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import aiohttp

from services.gateway.timers.calendar import MANILA

PASSWORD = "isang mahabang parirala"
SKILLS = ("use spreadsheets software", "translate texts", "design graphics")


class Refused(Exception):
    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"{status} {problem}")
        self.status = status
        self.problem = problem


Settle = Callable[[], Awaitable[None]]


def today() -> str:
    """In the Philippines; the first day on which work may begin."""
    return datetime.now(MANILA).date().isoformat()


@dataclass
class Api:
    """`settle` lets happen what no running room does by itself."""

    session: aiohttp.ClientSession
    base: str
    token: str | None = None
    person: Any = None
    settle: Settle | None = None

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        options: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.session.request(
            method, self.base + path, headers=headers, **options
        ) as response:
            answer = await response.json(content_type=None) if response.status != 204 else None
            if response.status >= 400:
                raise Refused(response.status, answer)
            return answer

    async def get(self, path: str) -> Any:
        return await self.call("GET", path)

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return await self.call("POST", path, body or {}, **headers)

    async def put(self, path: str, body: Any, **headers: str) -> Any:
        return await self.call("PUT", path, body, **headers)

    async def joined(self, name: str = "Ana Reyes", locale: str = "fil") -> "Api":
        """Somebody new."""
        email = f"{uuid4().hex[:12]}@halimbawa.example"
        session = await self.post(
            "/v1/people", {"email": email, "password": PASSWORD, "name": name, "locale": locale}
        )
        return Api(self.session, self.base, session["token"], session["person"], self.settle)

    async def settled(self) -> None:
        if self.settle is not None:
            await self.settle()


async def skill_ids(api: Api) -> list[str]:
    found = [await api.get(f"/v1/skills?q={label}") for label in SKILLS]
    return [answer["items"][0]["id"] for answer in found]


def project_body(skills: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "title": "Pagsasalin ng gabay",
        "summary": "Isalin ang gabay sa pagtitipid.",
        "description": "Isalin mula Ingles tungo sa Filipino.",
        "language": "fil",
        "languages": ["fil", "en"],
        "industry": "education",
        "region": "ncr",
        "remote": True,
        "hours": 20,
        "weeks": 2,
        "seats": 1,
        "fee": 300_000,
        "criteria": ["Tapat sa orihinal", "Walang mali sa baybay"],
        "skills": [
            {"skill_id": skill, "must_have": not place} for place, skill in enumerate(skills)
        ],
        "milestones": [
            {"title": "Burador", "description": "Unang salin", "due_days": 5, "fee": 100_000},
            {"title": "Pinal", "description": "Huling salin", "due_days": 10, "fee": 200_000},
        ],
        **changes,
    }


def profile_body(skills: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "headline": "Tagasalin",
        "region": "ncr",
        "weekly_hours": 20,
        "minimum_hourly_pay": 10_000,
        "languages": ["fil", "en"],
        "interests": ["education"],
        "skills": [{"skill_id": skill, "level": 4} for skill in skills],
        **changes,
    }


async def eventually(
    ask: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool], *, seconds: float = 20
) -> Any:
    """Ask until the answer is the wanted one; fail with the last answer."""
    last: Any = None
    for _ in range(int(seconds / 0.05)):
        try:
            last = await ask()
            if wanted(last):
                return last
        except Refused as refused:
            last = refused
        await asyncio.sleep(0.05)
    raise AssertionError(f"Not within {seconds} s; the last answer was {last}")


@dataclass
class Life:
    """One micro-internship, step by step."""

    employer: Api
    applicant: Api
    skills: list[str]
    project: Any = None
    application: Any = None
    engagement: Any = None

    @classmethod
    async def between(cls, api: Api) -> "Life":
        return cls(await api.joined("Elena Cruz", "en"), await api.joined(), await skill_ids(api))

    async def post_project(self, **changes: Any) -> None:
        organization = await self.employer.post(
            "/v1/organizations",
            {"name": "Aklatan ng Bayan", "industry": "education", "region": "ncr"},
        )
        drafted = await self.employer.post(
            f"/v1/organizations/{organization['id']}/projects",
            project_body(self.skills, **changes),
        )
        await self.employer.post(f"/v1/projects/{drafted['id']}/submit")
        await self.fund(drafted["id"])

    async def fund(self, project_id: str) -> None:
        """The posting opens when the provider holds the money; what a killed process was asking is asked
        again when its lease ends."""
        await self.employer.post(f"/v1/projects/{project_id}/fund")
        await self.employer.settled()
        self.project = await eventually(
            lambda: self.employer.get(f"/v1/projects/{project_id}"),
            lambda found: found["state"] == "open",
            seconds=60,
        )

    async def apply(self) -> None:
        await self.applicant.put("/v1/me/profile", profile_body(self.skills))
        self.application = await self.applicant.post(
            f"/v1/projects/{self.project['id']}/applications",
            {"cover_letter": "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."},
        )

    async def command(self, who: Api, command: str, body: Any = None) -> Any:
        self.application = await who.post(
            f"/v1/applications/{self.application['id']}/{command}", body
        )
        return self.application

    async def agree(self) -> None:
        await self.command(self.employer, "shortlist")
        await self.command(self.employer, "offer", {"message": "Tuloy tayo!", "starts_on": today()})
        await self.command(self.applicant, "accept")
        mine = await self.applicant.get("/v1/me/engagements")
        self.engagement = mine["items"][0]
        for party in (self.applicant, self.employer):
            self.engagement = await party.post(
                f"{self.at}/sign", {"agreement_hash": self.engagement["agreement_hash"]}
            )

    @property
    def at(self) -> str:
        return f"/v1/engagements/{self.engagement['id']}"

    async def milestones(self) -> list[Any]:
        return (await self.applicant.get(f"{self.at}/milestones"))["items"]

    async def work(self) -> None:
        await eventually(
            self.milestones, lambda found: all(item["state"] == "ready" for item in found)
        )
        self.engagement = await self.applicant.post(f"{self.at}/check-in", {"mood": "fine"})
        for milestone in await self.milestones():
            file = await self.applicant.call(
                "POST", "/v1/files?name=salin.txt", f"Salin {milestone['position']}".encode()
            )
            await self.applicant.post(
                f"/v1/milestones/{milestone['id']}/submit",
                {"note": "Narito na.", "criteria_met": [0, 1], "file_ids": [file["id"]]},
            )
            await self.employer.post(
                f"/v1/milestones/{milestone['id']}/accept", {"review": "Maganda."}
            )

    async def wrap_up(self) -> Any:
        """Until the badge is issued; return the credential."""
        await eventually(
            lambda: self.applicant.get(self.at), lambda found: found["state"] == "wrapping_up"
        )
        for party in (self.applicant, self.employer):
            self.engagement = await party.post(
                f"{self.at}/feedback", {"rating": 5, "words": "Salamat!"}
            )
        found = await eventually(
            lambda: self.employer.get("/v1/me/credentials"), lambda found: found["items"]
        )
        credential = found["items"][0]
        await self.employer.post(
            f"/v1/credentials/{credential['id']}/attest", {"skills": self.skills[:2]}
        )
        return await eventually(
            lambda: self.applicant.get(f"/v1/credentials/{credential['id']}"),
            lambda found: found["state"] == "issued",
        )
