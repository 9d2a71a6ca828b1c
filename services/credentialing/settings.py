from pathlib import Path
from typing import Self

from services.credentialing.document import Issuer
from services.credentialing.keys import did_web
from shared.settings import RoomSettings


class Settings(RoomSettings):
    """The host of `public_url` is the issuer's identity: badges once signed keep it for ever."""

    keys_dir: Path
    public_url: str = "http://localhost:8080"
    issuer_name: str = "Sibol"

    @classmethod
    def load(cls) -> Self:
        """From the environment."""
        return cls.model_validate({})

    @property
    def issuer(self) -> Issuer:
        return Issuer(did=did_web(self.public_url), name=self.issuer_name, url=self.public_url)
