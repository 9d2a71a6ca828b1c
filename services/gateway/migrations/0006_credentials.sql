CREATE TABLE gateway.credentials (
    id              uuid        PRIMARY KEY,
    engagement_id   uuid        NOT NULL UNIQUE REFERENCES gateway.engagements (id),
    project_id      uuid        NOT NULL REFERENCES gateway.projects (id),
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    holder_id       uuid        NOT NULL REFERENCES gateway.people (id),
    skills          text[]      NOT NULL,
    attested_skills text[]      NOT NULL DEFAULT '{}',
    attested_at     timestamptz,
    url             text,
    published       boolean     NOT NULL DEFAULT false,
    state           text        NOT NULL CHECK (state IN (
        'proposed', 'ready', 'issued', 'suspended', 'refused', 'revoked', 'superseded', 'expired')),
    reason          text,
    version         integer     NOT NULL DEFAULT 0,
    proposed_at     timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);

CREATE INDEX credentials_holder_id ON gateway.credentials (holder_id, id);
