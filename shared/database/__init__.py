from shared.database.pool import Connection, Database, connect

__all__ = ["Connection", "Database", "connect"]
