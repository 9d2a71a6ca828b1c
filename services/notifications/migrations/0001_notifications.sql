-- What a person is told. The words are kept as they were said; a greeting by name is added on sending.
CREATE TABLE notifications.notices (
    id         uuid        PRIMARY KEY,
    event_id   uuid        NOT NULL,
    person_id  uuid        NOT NULL,
    kind       text        NOT NULL,
    subject    uuid        NOT NULL,
    locale     text        NOT NULL CHECK (locale IN ('fil', 'en')),
    title      text        NOT NULL,
    text       text        NOT NULL,
    action     text        NOT NULL,
    link       text        NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (event_id, person_id)
);

CREATE INDEX notices_person_id ON notifications.notices (person_id, id);

-- That people fit a project is news once; the list itself changes all the time.
CREATE UNIQUE INDEX notices_matched_once ON notifications.notices (subject, person_id)
    WHERE kind = 'match.computed.v1';

CREATE TABLE notifications.deliveries (
    id             uuid        PRIMARY KEY,
    notice_id      uuid        NOT NULL REFERENCES notifications.notices (id),
    event_id       uuid        NOT NULL,
    person_id      uuid        NOT NULL,
    channel        text        NOT NULL CHECK (channel = 'email'),
    state          text        NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    attempts       integer     NOT NULL DEFAULT 0,
    next_try_at    timestamptz NOT NULL,
    sent_at        timestamptz,
    last_error     text,
    correlation_id uuid        NOT NULL,
    tenant         text        NOT NULL,
    created_at     timestamptz NOT NULL,
    UNIQUE (event_id, person_id, channel)
);

COMMENT ON COLUMN notifications.deliveries.next_try_at IS
    'while a mail is in hand, the end of its lease: who dies over it loses nothing';
COMMENT ON COLUMN notifications.deliveries.last_error IS 'a code; never what a server wrote';

CREATE INDEX deliveries_due ON notifications.deliveries (next_try_at) WHERE state = 'due';
CREATE INDEX deliveries_notice_id ON notifications.deliveries (notice_id);

-- What the other rooms may read. Additive changes only.

CREATE VIEW notifications.public_notices AS
SELECT id, event_id, person_id, kind, subject, locale, title, text, action, link, created_at
  FROM notifications.notices;

CREATE VIEW notifications.public_deliveries AS
SELECT id, notice_id, person_id, channel, state, attempts, sent_at, last_error AS reason,
       CASE WHEN state = 'due' THEN next_try_at END AS next_try_at
  FROM notifications.deliveries;
