class Refused(Exception):
    """What the person asked for cannot be done; the message says what would be right."""
