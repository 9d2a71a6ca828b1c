from shared.settings import RoomSettings


class Settings(RoomSettings):
    """`smtp_url` is smtp://[user:password@]host[:port], or smtps:// for TLS from the first byte."""

    smtp_url: str
    mail_from: str = "Sibol <magandang-balita@sibol.example>"
    public_url: str = "http://localhost:8080"
