-- What went wrong with an event on its way to being handled here: how often it was tried alone, and
-- whether it waits for its next try or was given up. Gone when it is handled at last.
CREATE TABLE setbacks (
    event_id uuid        PRIMARY KEY,
    tries    integer     NOT NULL CHECK (tries > 0),
    state    text        NOT NULL CHECK (state IN ('trying', 'waiting', 'dead')),
    reason   text        NOT NULL,
    at       timestamptz NOT NULL
);

-- Which events this room hears, and since when.
CREATE TABLE heard (
    name  text        PRIMARY KEY,
    since timestamptz NOT NULL
);

CREATE VIEW public_setbacks AS
SELECT event_id, tries, state, reason, at FROM setbacks;

CREATE VIEW public_heard AS
SELECT name, since FROM heard;

-- The whole log, for a room that builds its tables anew.
CREATE VIEW public_log AS
SELECT id, name, subject, sequence, occurred_at, data::text AS data, correlation_id, causation_id,
       actor_kind, tenant, traceparent, ahead
  FROM events;
