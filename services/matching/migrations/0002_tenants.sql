-- Only the real tenant's skills say how rare a skill is.
ALTER TABLE matching.people   ADD COLUMN tenant text NOT NULL DEFAULT 'ph';
ALTER TABLE matching.projects ADD COLUMN tenant text NOT NULL DEFAULT 'ph';
