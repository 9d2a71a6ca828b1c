"""The people that a sandbox is made with. Nobody of this name is meant."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice
from typing import Any

SPREADSHEETS = "1973c966-f236-40c9-b2d4-5d71a89019be"
TRANSLATE = "449f0945-4943-49f9-bd98-edfdfd7c00ba"
GRAPHICS = "f058bf62-70d1-4f5e-be2a-8b26fac24a96"
ANALYSE = "2b92a5b2-6758-4ee3-9fb4-b6387a55cc8f"
PROOFREAD = "637ca2e2-0624-48b1-be6e-9ff4580344ac"
PHOTOGRAPHS = "df11ab22-3c40-4dc8-ab0c-e9f41e62449e"


class Role(StrEnum):
    EMPLOYER = "employer"
    APPLICANT = "applicant"
    MODERATOR = "moderator"
    SCHOOL = "school"


@dataclass(frozen=True)
class Part:
    role: Role
    locale: str
    name: str


FIRST = (
    Part(Role.EMPLOYER, "fil", "Luningning Dalisay"),
    Part(Role.APPLICANT, "fil", "Bituin Maliksi"),
    Part(Role.APPLICANT, "en", "Robin Samplewood"),
    Part(Role.MODERATOR, "en", "Morgan Fairfield"),
    Part(Role.SCHOOL, "fil", "Guro Paraluman Lakandula"),
)
NAMES = {
    "fil": ("Amihan Magsaysay", "Makisig Batungbakal", "Tala Dimaculangan", "Lakan Bayani"),
    "en": ("Casey Placeholder", "Jamie Testerton", "Alex Mockingham", "Taylor Draftsman"),
}
ORGANIZATIONS = {
    (Role.EMPLOYER, "fil"): ("Panaderya Halimbawa", "Tinapay at kakanin, para sa pagsubok lamang."),
    (Role.EMPLOYER, "en"): ("Sample Bakery", "Bread and pastry, for trials only."),
    (Role.SCHOOL, "fil"): ("Pamantasang Halimbawa", "Isang paaralan para sa pagsubok lamang."),
    (Role.SCHOOL, "en"): ("Sample College", "A school for trials only."),
}
PROFILES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "fil": (
        {
            "headline": "Tagasalin at tagaayos ng talaan",
            "about": "Gawa-gawang tao, para sa pagsubok lamang.",
            "region": "ncr",
            "city": "Quezon City",
            "remote": True,
            "weekly_hours": 20,
            "minimum_hourly_pay": 10_000,
            "languages": ["fil", "en"],
            "interests": ["education", "food"],
            "school": "Pamantasang Halimbawa",
            "experience": [
                {"title": "Kalihim", "organization": "Samahang Halimbawa", "year": 2025}
            ],
        },
        {TRANSLATE: 4, SPREADSHEETS: 4, PROOFREAD: 3},
    ),
    "en": (
        {
            "headline": "Designer who counts",
            "about": "A made-up person, for trials only.",
            "region": "ncr",
            "city": "Pasig",
            "remote": True,
            "weekly_hours": 24,
            "minimum_hourly_pay": 9_000,
            "languages": ["en", "fil"],
            "interests": ["education", "design"],
            "school": "Sample College",
            "experience": [{"title": "Editor", "organization": "Sample Gazette", "year": 2025}],
        },
        {GRAPHICS: 4, SPREADSHEETS: 3, ANALYSE: 3, PHOTOGRAPHS: 2},
    ),
}


def more(role: Role, locale: str, count: int) -> list[Part]:
    return [Part(role, locale, name) for name in islice(cycle(NAMES[locale]), count)]
