"""The HTTP API. It answers people and programs; it owns people, organizations, projects,
applications, engagements, milestones, files and the lifecycle of credentials; it says every
lifecycle event; it hears `badge.signed` and `match.explained`, which it must show at once."""
