"""A small country's worth of people and work, and one micro-internship told step by step."""

from launcher.demo.loading import load

__all__ = ["load"]
