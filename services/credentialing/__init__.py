"""Credentialing signs one Open Badge for each credential that is ready, and says when one was
withdrawn.

Hears: `credential.attested.v1`, `credential.attestation_skipped.v1`, and what ends a credential
(`handlers.HEARS` is the whole list).
Owns: the schema `credentialing` - badges, status lists, and what the issuer publishes of itself.
Shows: `credentialing.public_badges`, `public_status_lists`, `public_achievements`, `public_issuer`.
Says: `badge.signed.v1`.

A handler decides what the badge says and keeps it unsigned; `signing.py` alone holds the key.
"""
