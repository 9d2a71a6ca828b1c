"""Faults injected into the real rooms under load, and whether anything was lost or done twice."""
