-- A sandbox is a tenant of its own, with a clock that its people move.
CREATE TABLE gateway.sandboxes (
    tenant       text        PRIMARY KEY CHECK (tenant ^@ 'sandbox-'),
    owner_id     uuid        NOT NULL REFERENCES gateway.people (id) ON DELETE CASCADE,
    name         text        NOT NULL,
    ahead        interval    NOT NULL DEFAULT '0' CHECK (ahead >= '0'),
    created_at   timestamptz NOT NULL,
    moving_until timestamptz
);

COMMENT ON COLUMN gateway.sandboxes.ahead IS 'how far its clock runs before the real one';
COMMENT ON COLUMN gateway.sandboxes.moving_until IS
    'the end of the lease, in real time, of the request that moves its clock';

CREATE INDEX sandboxes_owner_id ON gateway.sandboxes (owner_id);

-- Whom this connection works for; without a word, the real tenant.
CREATE FUNCTION gateway.tenant() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT coalesce(nullif(current_setting('sibol.tenant', true), ''), 'ph') $$;

CREATE FUNCTION gateway.ahead_of(wanted text) RETURNS interval LANGUAGE sql STABLE AS
$$ SELECT coalesce((SELECT ahead FROM gateway.sandboxes WHERE tenant = wanted), '0') $$;

ALTER TABLE gateway.people        ADD COLUMN tenant text NOT NULL DEFAULT 'ph';
ALTER TABLE gateway.profiles      ADD COLUMN tenant text NOT NULL DEFAULT 'ph';
ALTER TABLE gateway.organizations ADD COLUMN tenant text NOT NULL DEFAULT 'ph';
ALTER TABLE gateway.projects      ADD COLUMN tenant text NOT NULL DEFAULT 'ph';
ALTER TABLE gateway.people        ALTER COLUMN tenant SET DEFAULT gateway.tenant();
ALTER TABLE gateway.organizations ALTER COLUMN tenant SET DEFAULT gateway.tenant();

CREATE INDEX people_of_sandboxes ON gateway.people (tenant, id) WHERE tenant <> 'ph';

CREATE FUNCTION gateway.take_tenant_of_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tenant := (SELECT tenant FROM gateway.people WHERE id = NEW.person_id);
    RETURN NEW;
END $$;

CREATE TRIGGER take_tenant BEFORE INSERT ON gateway.profiles
   FOR EACH ROW EXECUTE FUNCTION gateway.take_tenant_of_person();

CREATE FUNCTION gateway.take_tenant_of_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tenant := (SELECT tenant FROM gateway.organizations WHERE id = NEW.organization_id);
    RETURN NEW;
END $$;

CREATE TRIGGER take_tenant BEFORE INSERT ON gateway.projects
   FOR EACH ROW EXECUTE FUNCTION gateway.take_tenant_of_organization();

-- A connection that works for one tenant finds no other's profiles, organizations and projects, nor
-- what is read together with them; one that works for none (an operator, a loop over all) finds all.
ALTER TABLE gateway.profiles      ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.projects      ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON gateway.profiles USING (
    tenant = current_setting('sibol.tenant', true)
    OR coalesce(current_setting('sibol.tenant', true), '') = '');
CREATE POLICY own_tenant ON gateway.organizations USING (
    tenant = current_setting('sibol.tenant', true)
    OR coalesce(current_setting('sibol.tenant', true), '') = '');
CREATE POLICY own_tenant ON gateway.projects USING (
    tenant = current_setting('sibol.tenant', true)
    OR coalesce(current_setting('sibol.tenant', true), '') = '');

-- A payment is its project's; most other records are read together with their project.
ALTER TABLE gateway.payments ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON gateway.payments USING (
    coalesce(current_setting('sibol.tenant', true), '') = ''
    OR EXISTS (SELECT FROM gateway.projects WHERE projects.id = project_id));

CREATE OR REPLACE VIEW gateway.public_people AS
SELECT id, name, email, locale, tenant FROM gateway.people;

CREATE OR REPLACE VIEW gateway.public_organizations AS
SELECT id, name, about, industry, region, city, website, tenant FROM gateway.organizations;

CREATE OR REPLACE VIEW gateway.public_profiles AS
SELECT person_id, version, region, remote, weekly_hours, minimum_hourly_pay, languages, interests,
       ARRAY(SELECT skill_id FROM gateway.profile_skills
              WHERE profile_skills.person_id = profiles.person_id ORDER BY skill_id) AS skills,
       tenant
  FROM gateway.profiles;

CREATE OR REPLACE VIEW gateway.public_projects AS
SELECT id, organization_id, version, state, title, summary, language, languages, industry, region,
       remote, hours, weeks, seats, fee, currency, opened_at,
       ARRAY(SELECT skill_id FROM gateway.project_skills
              WHERE project_id = projects.id ORDER BY skill_id) AS skills,
       ARRAY(SELECT skill_id FROM gateway.project_skills
              WHERE project_id = projects.id AND must_have ORDER BY skill_id) AS must_have,
       tenant
  FROM gateway.projects;
