"""Everything needed to run Sibol on one machine: servers, rooms, mails, checks. Rooms never import it."""
