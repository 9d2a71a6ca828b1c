CREATE TABLE gateway.people (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    name          text        NOT NULL,
    locale        text        NOT NULL CHECK (locale IN ('fil', 'en')),
    duties        text[]      NOT NULL DEFAULT '{}' CHECK (duties <@ ARRAY['moderator', 'operator', 'school']),
    version       integer     NOT NULL DEFAULT 0,
    joined_at     timestamptz NOT NULL
);

CREATE UNIQUE INDEX people_email ON gateway.people (lower(email));

CREATE TABLE gateway.sessions (
    token_hash bytea       PRIMARY KEY,
    person_id  uuid        NOT NULL REFERENCES gateway.people (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_person_id ON gateway.sessions (person_id);

CREATE TABLE gateway.profiles (
    person_id               uuid    PRIMARY KEY REFERENCES gateway.people (id) ON DELETE CASCADE,
    headline                text    NOT NULL DEFAULT '',
    about                   text    NOT NULL DEFAULT '',
    region                  text    NOT NULL DEFAULT '',
    city                    text    NOT NULL DEFAULT '',
    remote                  boolean NOT NULL DEFAULT true,
    weekly_hours            integer NOT NULL DEFAULT 20 CHECK (weekly_hours BETWEEN 1 AND 60),
    minimum_hourly_pay      integer NOT NULL DEFAULT 0 CHECK (minimum_hourly_pay >= 0),
    languages               text[]  NOT NULL DEFAULT '{fil,en}',
    interests               text[]  NOT NULL DEFAULT '{}',
    school                  text    NOT NULL DEFAULT '',
    experience              jsonb   NOT NULL DEFAULT '[]',
    version                 integer NOT NULL DEFAULT 0,
    changed_at              timestamptz NOT NULL
);

CREATE TABLE gateway.profile_skills (
    person_id uuid     NOT NULL REFERENCES gateway.profiles (person_id) ON DELETE CASCADE,
    skill_id  text     NOT NULL,
    level     smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    PRIMARY KEY (person_id, skill_id)
);

CREATE TABLE gateway.idempotency_keys (
    person_id  uuid        NOT NULL REFERENCES gateway.people (id) ON DELETE CASCADE,
    key        text        NOT NULL,
    request    text        NOT NULL,
    body_hash  bytea       NOT NULL,
    status     integer,
    etag       text,
    answer     jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, key)
);

CREATE TABLE gateway.files (
    id          uuid        PRIMARY KEY,
    owner_id    uuid        NOT NULL REFERENCES gateway.people (id),
    name        text        NOT NULL,
    media_type  text        NOT NULL,
    size        bigint      NOT NULL CHECK (size > 0),
    sha256      bytea       NOT NULL,
    uploaded_at timestamptz NOT NULL
);

CREATE INDEX files_owner_id ON gateway.files (owner_id);
