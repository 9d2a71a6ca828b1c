"""What every room reads from the environment. A room adds its own in its `settings.py`."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class RoomSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SIBOL_", frozen=True, extra="ignore")

    database_url: str
    amqp_url: str
    database_connections: int = 8
    health_host: str = "127.0.0.1"
    health_port: int | None = None
    log: str = "json"
    crash_at: str = ""
