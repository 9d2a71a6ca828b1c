-- The badges of sandboxes: by an issuer, with keys, lists and achievements of their own.
ALTER TABLE credentialing.badges       ADD COLUMN ahead   interval NOT NULL DEFAULT '0';
ALTER TABLE credentialing.status_lists ADD COLUMN sandbox boolean  NOT NULL DEFAULT false;
ALTER TABLE credentialing.issuer       ADD COLUMN sandbox boolean  NOT NULL DEFAULT false;
ALTER TABLE credentialing.achievements ADD COLUMN sandbox boolean  NOT NULL DEFAULT false,
    DROP CONSTRAINT achievements_pkey,
    ADD PRIMARY KEY (slug, version, language, sandbox);

COMMENT ON COLUMN credentialing.badges.ahead IS
    'how far the clock of its tenant ran before the real one';

-- The old views go on showing what is real.
CREATE OR REPLACE VIEW credentialing.public_badges AS
SELECT credential_id, document, url, signed_at, withdrawn_at
  FROM credentialing.badges WHERE document IS NOT NULL AND tenant = 'ph';

CREATE OR REPLACE VIEW credentialing.public_status_lists AS
SELECT id, purpose, document, signed_at, valid_until
  FROM credentialing.status_lists WHERE document IS NOT NULL AND NOT sandbox;

CREATE OR REPLACE VIEW credentialing.public_achievements AS
SELECT slug, version, language, document, image FROM credentialing.achievements WHERE NOT sandbox;

CREATE OR REPLACE VIEW credentialing.public_issuer AS
SELECT did, did_document FROM credentialing.issuer
 WHERE NOT sandbox ORDER BY published_at DESC LIMIT 1;

CREATE VIEW credentialing.public_sandbox_badges AS
SELECT credential_id, document, url, signed_at, withdrawn_at, tenant
  FROM credentialing.badges WHERE document IS NOT NULL AND tenant <> 'ph';

CREATE VIEW credentialing.public_sandbox_status_lists AS
SELECT id, purpose, document, signed_at, valid_until
  FROM credentialing.status_lists WHERE document IS NOT NULL AND sandbox;

CREATE VIEW credentialing.public_sandbox_achievements AS
SELECT slug, version, language, document, image FROM credentialing.achievements WHERE sandbox;

CREATE VIEW credentialing.public_sandbox_issuer AS
SELECT did, did_document FROM credentialing.issuer
 WHERE sandbox ORDER BY published_at DESC LIMIT 1;
