"""How an injected event says what its handler is to do: by its correlation id."""

from uuid import UUID

# Its handler kills the process, every time.
DEADLY = UUID("dead0000-0000-7000-8000-000000000001")
# Its handler raises, every time.
FAULTY = UUID("bad00000-0000-7000-8000-000000000002")
TRIES_FILE = "CHAOS_TRIES_FILE"
EFFECTS = """
    CREATE SCHEMA IF NOT EXISTS chaos;
    CREATE TABLE IF NOT EXISTS chaos.effects (room text NOT NULL, event_id uuid NOT NULL);
    GRANT USAGE ON SCHEMA chaos TO PUBLIC;
    GRANT INSERT, SELECT ON chaos.effects TO PUBLIC;
"""
