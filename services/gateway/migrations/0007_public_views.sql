-- What the other rooms may read. Additive changes only.

CREATE VIEW gateway.public_people AS
SELECT id, name, email, locale FROM gateway.people;

CREATE VIEW gateway.public_organizations AS
SELECT id, name, about, industry, region, city, website FROM gateway.organizations;

CREATE VIEW gateway.public_members AS
SELECT organization_id, person_id FROM gateway.members;

CREATE VIEW gateway.public_profiles AS
SELECT person_id, version, region, remote, weekly_hours, minimum_hourly_pay, languages, interests,
       ARRAY(SELECT skill_id FROM gateway.profile_skills
              WHERE profile_skills.person_id = profiles.person_id ORDER BY skill_id) AS skills
  FROM gateway.profiles;

CREATE VIEW gateway.public_projects AS
SELECT id, organization_id, version, state, title, summary, language, languages, industry, region,
       remote, hours, weeks, seats, fee, currency, opened_at,
       ARRAY(SELECT skill_id FROM gateway.project_skills
              WHERE project_id = projects.id ORDER BY skill_id) AS skills,
       ARRAY(SELECT skill_id FROM gateway.project_skills
              WHERE project_id = projects.id AND must_have ORDER BY skill_id) AS must_have
  FROM gateway.projects;

CREATE VIEW gateway.public_applications AS
SELECT id, project_id, applicant_id, state FROM gateway.applications;

CREATE VIEW gateway.public_engagements AS
SELECT id, application_id, project_id, organization_id, applicant_id, state, starts_on, started_at,
       ended_at
  FROM gateway.engagements;

CREATE VIEW gateway.public_milestones AS
SELECT id, engagement_id, position, title, due_on, state, rounds FROM gateway.milestones;

CREATE VIEW gateway.public_credentials AS
SELECT id, engagement_id, project_id, organization_id, holder_id, skills, attested_skills,
       attested_at, url, state
  FROM gateway.credentials;

-- The newest version of each accepted piece of work: its digest is evidence, its content is not.
CREATE VIEW gateway.public_evidence AS
SELECT milestones.engagement_id, milestones.position, milestones.title, files.name, files.sha256,
       deliverables.submitted_at
  FROM gateway.milestones
  JOIN gateway.deliverables      ON deliverables.milestone_id = milestones.id
  JOIN gateway.deliverable_files ON deliverable_files.milestone_id = deliverables.milestone_id
                                AND deliverable_files.number = deliverables.number
  JOIN gateway.files             ON files.id = deliverable_files.file_id
 WHERE milestones.state = 'accepted'
   AND deliverables.number = (SELECT max(number) FROM gateway.deliverables AS other
                               WHERE other.milestone_id = milestones.id);
