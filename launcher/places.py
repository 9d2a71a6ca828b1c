from dataclasses import dataclass
from pathlib import Path

from launcher.errors import Refused

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Places:
    """Where one set of processes keeps what it writes."""

    home: Path
    servers: Path

    @property
    def state(self) -> Path:
        return self.home / "state.json"

    @property
    def run(self) -> Path:
        return self.home / "run.json"

    @property
    def lock(self) -> Path:
        return self.home / "run.lock"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def mails(self) -> Path:
        return self.home / "mails"

    @property
    def files(self) -> Path:
        return self.home / "files"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def rabbitmq(self) -> Path:
        return self.home / "rabbitmq"

    def prepare(self) -> None:
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.servers, self.logs, self.mails, self.files, self.keys):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Refused(
                f"Cannot write to {self.home} ({error.strerror}). "
                "Copy the project to a folder of your own."
            ) from error


def ordinary() -> Places:
    return Places(home=ROOT / ".sibol", servers=ROOT / ".sibol" / "servers")


def testing() -> Places:
    return Places(home=ROOT / ".sibol" / "test", servers=ROOT / ".sibol" / "servers")
