CREATE TABLE gateway.organizations (
    id            uuid        PRIMARY KEY,
    name          text        NOT NULL,
    about         text        NOT NULL DEFAULT '',
    industry      text        NOT NULL,
    region        text        NOT NULL,
    city          text        NOT NULL DEFAULT '',
    website       text,
    version       integer     NOT NULL DEFAULT 0,
    registered_at timestamptz NOT NULL
);

CREATE TABLE gateway.members (
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    person_id       uuid        NOT NULL REFERENCES gateway.people (id) ON DELETE CASCADE,
    role            text        NOT NULL CHECK (role IN ('owner', 'member')),
    joined_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, person_id)
);

CREATE INDEX members_person_id ON gateway.members (person_id);
