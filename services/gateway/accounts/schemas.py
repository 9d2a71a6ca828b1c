import re
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from services.gateway.accounts.queries import Person
from services.gateway.schemas import Line120, Request, View

EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")


def _email(text: str) -> str:
    if not EMAIL.fullmatch(text):
        raise ValueError("must be an e-mail address, such as ana@halimbawa.ph")
    return text


Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_email)
]
Password = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Locale = Literal["fil", "en"]


class SignUpRequest(Request):
    email: Email
    password: Password
    name: Line120
    locale: Locale = "fil"


class SignInRequest(Request):
    email: Email
    password: Password


class PersonView(View):
    id: UUID
    email: str
    name: str
    locale: str
    duties: list[str]
    joined_at: datetime

    @classmethod
    def of(cls, person: Person) -> Self:
        return cls.model_validate(person, from_attributes=True)


class SessionView(View):
    """`token` is shown only here: send it as `Authorization: Bearer TOKEN`."""

    token: str
    person: PersonView
