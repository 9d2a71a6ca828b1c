"""The text that every party signs, in both languages, and what both sides change in it later."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Protocol

from babel.dates import format_date
from babel.numbers import format_currency

from services.gateway.engagements.rules import KILL_FEE_PERCENT, PAY_DAYS
from services.gateway.projects.queries import PlannedMilestone


class Offered(Protocol):
    @property
    def starts_on(self) -> date: ...


class Accepted(Protocol):
    @property
    def applicant_name(self) -> str: ...
    @property
    def organization_name(self) -> str: ...
    @property
    def project_title(self) -> str: ...
    @property
    def offer(self) -> Offered | None: ...


class Terms(Protocol):
    @property
    def fee(self) -> int: ...
    @property
    def hours(self) -> int: ...
    @property
    def weeks(self) -> int: ...
    @property
    def criteria(self) -> list[str]: ...
    @property
    def milestones(self) -> list[PlannedMilestone]: ...
    @property
    def kind(self) -> str: ...
    @property
    def school_name(self) -> str | None: ...
    @property
    def rights(self) -> str: ...
    @property
    def review_days(self) -> int: ...


KINDS = {
    "independent": ("malayang proyekto na may bayad", "independent paid project"),
    "school_internship": (
        "internship na kinikilala ng paaralan, may bayad",
        "paid internship recognised by a school",
    ),
    "government_programme": (
        "programa ng pamahalaan na may bayad",
        "paid placement under a government programme",
    ),
}
RIGHTS = {
    "public": (
        "Maaaring ipakita ng intern ang gawa kahit kanino.",
        "The intern may show the work to anybody.",
    ),
    "on_request": (
        "Maaaring ipakita ng intern ang gawa kapag may humiling, at doon lamang sa humiling.",
        "The intern may show the work to whoever asks for it, and to them only.",
    ),
    "digest_only": (
        (
            "Hindi maipapakita ng intern ang gawa, pero mapapatunayan niya sa pamamagitan ng "
            "digest (SHA-256) na siya ang gumawa nito."
        ),
        "The intern may not show the work, but may prove by its digest (SHA-256) to have made it.",
    ),
}
TEXT = """KASUNDUAN

Sa pagitan ni {applicant} (intern) at ng {organization} (employer){school_fil}.

Proyekto: {title}
Uri: {kind_fil}
Simula: {starts_fil}
Trabaho: hanggang {hours} oras sa loob ng {weeks} linggo
Kabuuang bayad: {fee}

Mga bahagi ng gawa (milestone):
{milestones_fil}

Tatanggapin ang gawa kapag natugunan ang mga ito:
{criteria}

Pagsusuri at pagbabago: Susuriin ng employer ang naisumite sa loob ng {review_days} araw. Kapag hindi \
siya sumagot, ituturing na tinanggap ang gawa. Dalawang beses lamang siya maaaring magpabago, at \
dapat banggitin kung alin sa mga pamantayan ang hindi natugunan.
Bayad: Nakatabi na ang pera bago magsimula ang trabaho. Ipadadala ito sa loob ng {pay_days} araw \
matapos tanggapin ang bawat bahagi. Walang sisingilin sa intern, kailanman.
Kapag umatras ang employer sa loob ng 48 oras bago ang simula, matatanggap ng intern ang {kill_fee}% \
ng bayad.
Pananahimik: Kapag anim na araw na walang balita, ipapaalala ito sa magkabilang panig. Kapag lumipas \
pa ang apat na araw, matatapos ang kasunduan; babayaran pa rin ang mga naisumite at natanggap na.
Pagmamay-ari: Mapupunta sa employer ang gawang nabayaran na. {rights_fil}
Hindi pagkakasundo: May limang araw na may pasok ang kabilang panig para sumagot. Kapag hindi siya \
sumagot, masusunod ang hiling ng naghain. Kung walang tagapamagitang magpasya, babayaran ang \
naisumiteng gawa.

AGREEMENT

Between {applicant} (intern) and {organization} (employer){school_en}.

Project: {title}
Kind: {kind_en}
Start: {starts_en}
Work: up to {hours} hours within {weeks} weeks
Whole fee: {fee}

Parts of the work (milestones):
{milestones_en}

The work is accepted when these are met:
{criteria}

Review and changes: The employer reviews what is handed in within {review_days} days. Without an \
answer the work counts as accepted. Changes may be asked for twice at most, each time naming the \
criteria that are not met.
Pay: The money is held before the work begins. It is sent within {pay_time} after each part is \
accepted. Nothing is ever charged to the intern.
An employer who cancels within 48 hours before the start owes the intern {kill_fee}% of the fee.
Silence: After six days without news both sides are reminded. After four more the agreement ends; \
what was handed in or accepted is still paid.
Ownership: Work that has been paid for belongs to the employer. {rights_en}
Disputes: The other side has five working days to answer. If it does not, the claim is taken as \
right. If no mediator decides, the work handed in is paid.
"""
AMENDMENT = """

SUSOG / AMENDMENT {number}
{changes}
"""


def agreement_text(application: Accepted, project: Terms) -> str:
    starts_on = application.offer.starts_on if application.offer else None
    kind_fil, kind_en = KINDS[project.kind]
    rights_fil, rights_en = RIGHTS[project.rights]
    school_fil, school_en = _school(project)
    return TEXT.format(
        organization=application.organization_name,
        applicant=application.applicant_name,
        title=application.project_title,
        school_fil=school_fil,
        school_en=school_en,
        kind_fil=kind_fil,
        kind_en=kind_en,
        starts_fil=_day(starts_on, "fil"),
        starts_en=_day(starts_on, "en"),
        hours=project.hours,
        weeks=project.weeks,
        fee=_pesos(project.fee),
        milestones_fil=_milestones(project.milestones, starts_on, "hanggang", "fil"),
        milestones_en=_milestones(project.milestones, starts_on, "due", "en"),
        criteria="\n".join(f"- {criterion}" for criterion in project.criteria),
        review_days=project.review_days,
        pay_days=PAY_DAYS,
        pay_time="1 day" if PAY_DAYS == 1 else f"{PAY_DAYS} days",
        kill_fee=KILL_FEE_PERCENT,
        rights_fil=rights_fil,
        rights_en=rights_en,
    )


def amended_text(text: str, *, number: int, changes: Sequence[str]) -> str:
    """The text so far, and below it what both sides changed."""
    lines = "\n".join(f"- {change}" for change in changes)
    return text + AMENDMENT.format(number=number, changes=lines)


def changes_of(terms: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    """`titles` of milestones by their ids."""
    found = []
    if note := terms.get("note"):
        found.append(f"Saklaw / Scope: {note}")
    if hours := terms.get("hours"):
        found.append(f"Oras / Hours: hanggang {hours} / up to {hours}")
    for change in terms.get("milestones", []):
        found += changes_of_milestone(change, titles[change["id"]])
    return found


def changes_of_milestone(terms: Mapping[str, Any], name: str) -> list[str]:
    found = []
    if title := terms.get("title"):
        found.append(f"{name}: {title}")
    if description := terms.get("description"):
        found.append(f"{name}: {description}")
    if due := terms.get("due_on"):
        day = date.fromisoformat(due)
        found.append(f"{name}: hanggang {_day(day, 'fil')} / due {_day(day, 'en')}")
    if fee := terms.get("fee"):
        found.append(f"{name}: bayad / fee {_pesos(fee)}")
    return found


def _school(project: Terms) -> tuple[str, str]:
    if project.kind != "school_internship":
        return "", ""
    return (
        f", kasama ang {project.school_name} (paaralan)",
        f", with {project.school_name} (school)",
    )


def _milestones(
    planned: Sequence[PlannedMilestone], starts_on: date | None, due: str, locale: str
) -> str:
    return "\n".join(
        f"- {each.title}: {_pesos(each.fee)}, {due} "
        + _day(starts_on + timedelta(days=each.due_days) if starts_on else None, locale)
        for each in planned
    )


def _day(day: date | None, locale: str) -> str:
    return format_date(day, "long", locale=locale) if day else "-"


def _pesos(centavos: int) -> str:
    return format_currency(centavos / 100, "PHP", locale="fil")
