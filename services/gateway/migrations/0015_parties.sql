-- Everything that has a life.
CREATE VIEW gateway.records AS
SELECT 'project' AS record, id, state FROM gateway.projects
UNION ALL SELECT 'application', id, state FROM gateway.applications
UNION ALL SELECT 'engagement', id, state FROM gateway.engagements
UNION ALL SELECT 'milestone', id, state FROM gateway.milestones
UNION ALL SELECT 'payment', id, state FROM gateway.payments
UNION ALL SELECT 'dispute', id, state FROM gateway.disputes
UNION ALL SELECT 'credential', id, state FROM gateway.credentials;

-- Who has a part in a record, on either side.
CREATE VIEW gateway.parties AS
SELECT projects.id AS record_id, members.person_id
  FROM gateway.projects JOIN gateway.members USING (organization_id)
UNION ALL
SELECT applications.id, applicant_id FROM gateway.applications
UNION ALL
SELECT applications.id, members.person_id
  FROM gateway.applications
  JOIN gateway.projects ON projects.id = project_id
  JOIN gateway.members  ON members.organization_id = projects.organization_id
UNION ALL
SELECT engagements.id, applicant_id FROM gateway.engagements
UNION ALL
SELECT engagements.id, members.person_id
  FROM gateway.engagements JOIN gateway.members USING (organization_id)
UNION ALL
SELECT milestones.id, applicant_id
  FROM gateway.milestones JOIN gateway.engagements ON engagements.id = engagement_id
UNION ALL
SELECT milestones.id, members.person_id
  FROM gateway.milestones
  JOIN gateway.engagements ON engagements.id = engagement_id
  JOIN gateway.members     ON members.organization_id = engagements.organization_id
UNION ALL
SELECT credentials.id, holder_id FROM gateway.credentials
UNION ALL
SELECT credentials.id, members.person_id
  FROM gateway.credentials JOIN gateway.members USING (organization_id)
UNION ALL
SELECT payments.id, applicant_id FROM gateway.payments WHERE applicant_id IS NOT NULL
UNION ALL
SELECT payments.id, members.person_id
  FROM gateway.payments JOIN gateway.members USING (organization_id)
UNION ALL
SELECT disputes.id, applicant_id FROM gateway.disputes
UNION ALL
SELECT disputes.id, members.person_id
  FROM gateway.disputes JOIN gateway.members USING (organization_id);

-- Whose deadlines, or whose counterpart's, a freeze has moved.
CREATE VIEW gateway.public_frozen AS
SELECT DISTINCT freezes.id AS freeze_id, parties.person_id
  FROM gateway.freezes
  JOIN gateway.timers             ON timers.tenant = freezes.tenant
                                 AND NOT timers.is_reminder
                                 AND timers.ends_at > freezes.starts_at
  LEFT JOIN gateway.profiles      ON profiles.person_id = timers.applicant_id
  LEFT JOIN gateway.organizations ON organizations.id = timers.organization_id
  JOIN gateway.parties            ON parties.record_id = timers.record_id
 WHERE freezes.person_id = timers.applicant_id
    OR (scope = 'region' AND place IN (profiles.region, organizations.region))
    OR (scope = 'school' AND lower(place) = lower(profiles.school));
