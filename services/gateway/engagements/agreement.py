"""The text that both parties sign, in both languages."""

from typing import Protocol

from babel.numbers import format_currency


class Accepted(Protocol):
    @property
    def applicant_name(self) -> str: ...
    @property
    def organization_name(self) -> str: ...
    @property
    def project_title(self) -> str: ...


class Terms(Protocol):
    @property
    def fee(self) -> int: ...
    @property
    def hours(self) -> int: ...
    @property
    def weeks(self) -> int: ...
    @property
    def criteria(self) -> list[str]: ...


TEXT = """KASUNDUAN / AGREEMENT

{organization} (ang employer) at / and {applicant} (ang intern).

Proyekto / Project: {title}
Bayad / Fee: {fee}
Oras / Hours: hanggang {hours} oras sa loob ng {weeks} linggo / up to {hours} hours within {weeks} weeks

Tatanggapin ang gawa kapag natugunan ang mga ito / The work is accepted when these are met:
{criteria}

Babayaran ang intern sa bawat natanggap na milestone. Walang sisingilin sa intern kailanman.
The intern is paid for each accepted milestone. Nothing is ever charged to the intern.
"""


def agreement_text(application: Accepted, project: Terms) -> str:
    return TEXT.format(
        organization=application.organization_name,
        applicant=application.applicant_name,
        title=application.project_title,
        fee=format_currency(project.fee / 100, "PHP", locale="fil"),
        hours=project.hours,
        weeks=project.weeks,
        criteria="\n".join(f"- {criterion}" for criterion in project.criteria),
    )
