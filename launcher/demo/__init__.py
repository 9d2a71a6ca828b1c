"""A small country's worth of people and work, and one micro-internship told step by step."""

from launcher.demo.loading import PASSWORD, load
from launcher.demo.playing import play

__all__ = ["PASSWORD", "load", "play"]
