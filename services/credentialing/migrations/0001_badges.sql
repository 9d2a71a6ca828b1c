CREATE TABLE credentialing.status_lists (
    id          integer     PRIMARY KEY CHECK (id > 0),
    purpose     text        NOT NULL CHECK (purpose = 'revocation'),
    dirty       boolean     NOT NULL DEFAULT true,
    document    bytea,
    signed_at   timestamptz,
    valid_until timestamptz
);

COMMENT ON COLUMN credentialing.status_lists.dirty IS 'what is published lacks a withdrawal';

CREATE TABLE credentialing.badges (
    id                  uuid        PRIMARY KEY,
    credential_id       uuid        NOT NULL UNIQUE,
    engagement_id       uuid        NOT NULL UNIQUE,
    achievement_slug    text        NOT NULL,
    achievement_version integer     NOT NULL,
    salt                text        NOT NULL UNIQUE,
    status_list_id      integer     NOT NULL REFERENCES credentialing.status_lists (id),
    status_index        integer     NOT NULL CHECK (status_index >= 0),
    url                 text        NOT NULL,
    created_at          timestamptz NOT NULL CHECK (created_at = date_trunc('second', created_at)),
    correlation_id      uuid        NOT NULL,
    causation_id        uuid        NOT NULL,
    tenant              text        NOT NULL,
    unsigned            bytea,
    document            bytea,
    signed_at           timestamptz,
    withdrawn_at        timestamptz,
    refusal             text,
    UNIQUE (status_list_id, status_index),
    CHECK ((unsigned IS NULL) <> (document IS NULL)),
    CHECK ((document IS NULL) = (signed_at IS NULL))
);

COMMENT ON COLUMN credentialing.badges.created_at IS 'the time in the proof';
COMMENT ON COLUMN credentialing.badges.document IS 'the exact bytes that were signed';
COMMENT ON COLUMN credentialing.badges.refusal IS 'why it cannot be signed; an operator looks';

CREATE INDEX badges_waiting ON credentialing.badges (id)
 WHERE document IS NULL AND withdrawn_at IS NULL AND refusal IS NULL;
CREATE INDEX badges_withdrawn ON credentialing.badges (status_list_id, status_index)
 WHERE withdrawn_at IS NOT NULL;

CREATE TABLE credentialing.achievements (
    slug     text    NOT NULL,
    version  integer NOT NULL,
    language text    NOT NULL CHECK (language IN ('fil', 'en')),
    document bytea   NOT NULL,
    image    text    NOT NULL,
    PRIMARY KEY (slug, version, language)
);

-- json, not jsonb: it keeps the order of the members.
CREATE TABLE credentialing.issuer (
    did          text        PRIMARY KEY,
    did_document json        NOT NULL,
    published_at timestamptz NOT NULL
);

-- What the gateway serves. Additive changes only.

CREATE VIEW credentialing.public_badges AS
SELECT credential_id, document, url, signed_at, withdrawn_at
  FROM credentialing.badges WHERE document IS NOT NULL;

CREATE VIEW credentialing.public_status_lists AS
SELECT id, purpose, document, signed_at, valid_until
  FROM credentialing.status_lists WHERE document IS NOT NULL;

CREATE VIEW credentialing.public_achievements AS
SELECT slug, version, language, document, image FROM credentialing.achievements;

CREATE VIEW credentialing.public_issuer AS
SELECT did, did_document FROM credentialing.issuer ORDER BY published_at DESC LIMIT 1;
