"""What a skill is called: the ESCO taxonomy, and what people type when they mean one of them."""

from shared.skills.taxonomy import Skill, Skills, Suggestion, load

__all__ = ["Skill", "Skills", "Suggestion", "load"]
