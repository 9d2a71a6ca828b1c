"""How well a project and a person fit, and how to say so. Pure: no room, no clock, no network."""

from services.matching.scoring.fit import (
    WEIGHTS,
    Explanation,
    Match,
    Profile,
    Project,
    Rarity,
    Weights,
    check_gates,
    score,
)
from services.matching.scoring.words import Language, in_words

__all__ = [
    "WEIGHTS",
    "Explanation",
    "Language",
    "Match",
    "Profile",
    "Project",
    "Rarity",
    "Weights",
    "check_gates",
    "in_words",
    "score",
]
