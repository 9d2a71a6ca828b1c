from shared.database.pool import AWAY, Connection, Database, connect, is_away

__all__ = ["AWAY", "Connection", "Database", "connect", "is_away"]
