CREATE INDEX credentials_organization_id ON gateway.credentials (organization_id, id);
