"""The regions of the Philippines, as they are written everywhere in Sibol."""

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

REGIONS = (
    "barmm",
    "bicol",
    "cagayan-valley",
    "calabarzon",
    "car",
    "caraga",
    "central-luzon",
    "central-visayas",
    "davao",
    "eastern-visayas",
    "ilocos",
    "mimaropa",
    "ncr",
    "negros-island",
    "northern-mindanao",
    "soccsksargen",
    "western-visayas",
    "zamboanga",
)


def known(region: str) -> str:
    if region not in REGIONS:
        raise ValueError(f"must be one of {', '.join(REGIONS)}")
    return region


Region = Annotated[
    str, AfterValidator(known), WithJsonSchema({"type": "string", "enum": list(REGIONS)})
]
