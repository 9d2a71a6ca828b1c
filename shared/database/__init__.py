from shared.database.pool import AWAY, Connection, Database, connect

__all__ = ["AWAY", "Connection", "Database", "connect"]
