"""Matching tells projects and people how well they fit, and why.

Hears: changed profiles, new members of organisations, every step that opens, hides or ends a
project, and submitted applications.
Owns: the schema `matching` - an index of skills, and for each project its best people and its
applicants, each with the whole explanation.
Shows: `matching.public_matches`.
Says: `match.computed.v1` and `match.explained.v1`.

How a pair is judged stands in `scoring`, which is pure and knows skills and terms alone.
"""
