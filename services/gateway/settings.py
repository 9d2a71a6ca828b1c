from typing import Self

from shared.settings import RoomSettings


class Settings(RoomSettings):
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    public_url: str = "http://localhost:8080"
    files_url: str = "file:///var/lib/sibol/files"
    client_seconds: float = 10
    provider_secret: str = ""

    @classmethod
    def load(cls) -> Self:
        """From the environment."""
        return cls.model_validate({})
