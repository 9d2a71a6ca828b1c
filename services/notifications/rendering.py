"""Words and facts in, finished texts out. What people wrote is data here, never a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from textwrap import shorten
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_currency
from jinja2 import Environment, StrictUndefined, select_autoescape
from jinja2 import Template as Compiled
from mjml import mjml2html

from services.notifications.texts import TEMPLATES, Template, Words, words

LONGEST_TITLE = 120
LONGEST_FACT = 80
HERE = ZoneInfo("Asia/Manila")

ENVIRONMENT = Environment(
    undefined=StrictUndefined,
    autoescape=select_autoescape(("html",), default_for_string=False),
    trim_blocks=True,
)
# No template needs them, and they are copied each time that one is filled.
ENVIRONMENT.globals.clear()


@dataclass(frozen=True)
class Money:
    centavos: int
    currency: str = "PHP"


@dataclass(frozen=True)
class Facts:
    """What a template may speak of. None is worded, for a person may have been erased.
    `share` is what the intern gets of a disputed fee; `change` a command that needs both sides."""

    project: str | None = None
    organization: str | None = None
    applicant: str | None = None
    milestone: str | None = None
    people: int | None = None
    amount: Money | None = None
    share: Money | None = None
    starts: datetime | None = None
    due: datetime | None = None
    place: str | None = None
    change: str | None = None


@dataclass(frozen=True)
class Rendered:
    title: str
    text: str
    action: str


@dataclass(frozen=True)
class Mail:
    subject: str
    text: str
    html: str


def render(template: Template, facts: Facts, locale: str, reason: str | None = None) -> Rendered:
    said = words(locale)
    values = {
        name: said.missing[name] if value is None else _worded(value, said, said.missing[name])
        for name, value in vars(facts).items()
    }
    values["change"] = said.changes.get(facts.change or "", said.missing["change"])
    happened, *then = _paragraphs(_filled(template.text, values))
    return Rendered(
        title=_line(_filled(template.title, values), LONGEST_TITLE),
        text="\n\n".join([happened, *_why(said, reason), *then]),
        action=_filled(template.action, values),
    )


def render_mail(notice: Rendered, *, name: str, url: str, locale: str) -> Mail:
    said = words(locale)
    values = {
        "title": notice.title,
        "greeting": _filled(said.greeting, {"name": first_name(name)}),
        "paragraphs": _paragraphs(notice.text),
        "action": notice.action,
        "url": url,
        "farewell": said.farewell,
        "footer": said.footer,
        "locale": locale,
    }
    return Mail(
        subject=notice.title,
        text=_layout("layout.txt").render(values),
        html=_layout("layout.html").render(values),
    )


def first_name(name: str) -> str:
    """Ma. Teresa Cruz is greeted as Ma. Teresa."""
    parts = name.split()
    if len(parts) > 1 and parts[0].endswith("."):
        return " ".join(parts[:2])
    return parts[0] if parts else ""


def _line(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else shorten(line, longest, placeholder="…")


def _worded(value: str | int | Money | datetime, said: Words, missing: str) -> str | int:
    """Text in one line of bounded length, whatever was stored."""
    match value:
        case str():
            return _line(value, LONGEST_FACT) or missing
        case Money():
            pesos = Decimal(value.centavos) / 100
            return format_currency(pesos, value.currency, locale=said.locale)
        case datetime():
            return _moment(value, said)
        case int():
            return value


def _moment(at: datetime, said: Words) -> str:
    """Babel calls every hour of a Filipino morning early morning; the words know better."""
    local = at.astimezone(HERE)
    part = said.parts_of_day[max(hour for hour in said.parts_of_day if int(hour) <= local.hour)]
    return f"{format_datetime(local, said.moment, locale=said.locale)} {part}"


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def _why(said: Words, reason: str | None) -> list[str]:
    """A code without words is left out: it would tell the person nothing."""
    meaning = said.reasons.get(reason or "")
    return [f"{said.reason} {meaning}"] if meaning else []


def _filled(source: str, values: Mapping[str, str | int]) -> str:
    return _compiled(source).render(values)


@cache
def _compiled(source: str) -> Compiled:
    return ENVIRONMENT.from_string(source)


@cache
def _layout(name: str) -> Compiled:
    if name.endswith(".html"):
        source = mjml2html((TEMPLATES / name).with_suffix(".mjml").read_text("utf-8"))
        return ENVIRONMENT.overlay(autoescape=True).from_string(source)
    return ENVIRONMENT.from_string((TEMPLATES / name).read_text("utf-8"))
