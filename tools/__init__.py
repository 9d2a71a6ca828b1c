"""What maintainers run by hand; no room imports it."""
