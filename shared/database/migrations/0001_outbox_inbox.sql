-- The same three tables in every room's schema: what was said, what waits to be published,
-- what was already handled.

CREATE TABLE events (
    id             uuid        PRIMARY KEY,
    name           text        NOT NULL,
    subject        uuid        NOT NULL,
    sequence       integer     NOT NULL CHECK (sequence > 0),
    occurred_at    timestamptz NOT NULL,
    data           jsonb       NOT NULL,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    actor_kind     text        NOT NULL,
    tenant         text        NOT NULL,
    traceparent    text,
    UNIQUE (subject, sequence)
);

CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES events (id),
    subject  uuid NOT NULL
);

CREATE TABLE inbox (
    event_id   uuid        PRIMARY KEY,
    name       text        NOT NULL,
    handled_at timestamptz NOT NULL
);

CREATE INDEX inbox_handled_at ON inbox (handled_at);
