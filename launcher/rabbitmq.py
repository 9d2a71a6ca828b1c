"""A private RabbitMQ: the packages of this Debian, unpacked into the project's folder; nothing is installed."""

import asyncio
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher import suites
from launcher.commands import CommandFailed, run
from launcher.errors import Refused
from launcher.places import Places
from launcher.state import State
from launcher.supervisor import Program

STAGE = 2
EPMD_STAGE = 3
USER = "sibol"
PACKAGES_OF_THE_BROKER = ("erlang-", "rabbitmq-")
LIBRARIES = ("lib", "zlib")
# Debian writes this path into Erlang's scripts and ignores ERL_ROOTDIR.
ERLANG_ROOT = "/usr/lib/erlang"
OWN_ROOT = '"$SIBOL_ERLANG"'
ELSEWHERE = (
    "Point SIBOL_AMQP_URL to a RabbitMQ 3.10 or newer, for example amqp://user:password@host:5672/."
)


@dataclass(frozen=True)
class RabbitMQ:
    home: Path
    files: Path
    password: str
    port: int
    management_port: int
    metrics_port: int
    distribution_port: int
    epmd_port: int

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}/"

    @property
    def api_url(self) -> str:
        return f"http://{USER}:{self.password}@127.0.0.1:{self.management_port}"

    @property
    def _identity(self) -> Path:
        return self.home / "identity"

    @property
    def identity(self) -> str:
        """Lost together with the queues."""
        return self._identity.read_text()

    @property
    def erlang(self) -> Path:
        return self.files / "usr/lib/erlang"

    def programs(self) -> list[Program]:
        return [self._epmd(), self._broker()]

    def write_configuration(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.home / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        if not self._identity.exists():
            self._identity.write_text(secrets.token_hex(8))
        configuration = self.home / "rabbitmq.config"
        configuration.touch(mode=0o600)
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                management_port=self.management_port,
                metrics_port=self.metrics_port,
                user=USER,
                password=self.password,
            )
        )

    def _epmd(self) -> Program:
        """Erlang's directory of nodes; started here, because one started by Erlang would outlive it."""
        address = "127.0.0.1"
        command = [str(_one(self.erlang, "erts-*/bin/epmd")), "-port", str(self.epmd_port)]
        return Program(
            name="epmd",
            command=[*command, "-address", address],
            ready=f"tcp://{address}:{self.epmd_port}",
            stage=EPMD_STAGE,
            environment={
                "LD_LIBRARY_PATH": _libraries(self.files),
                "SIBOL_ERLANG": str(self.erlang),
            },
            grace=2,
        )

    def _broker(self) -> Program:
        return Program(
            name="rabbitmq",
            command=[str(self.files / "usr/lib/rabbitmq/bin/rabbitmq-server")],
            ready=f"tcp://127.0.0.1:{self.port}",
            stage=STAGE,
            environment=self._environment(),
            grace=20,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self.erlang / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "LD_LIBRARY_PATH": _libraries(self.files),
            "SIBOL_ERLANG": str(self.erlang),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "sibol@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
            # The start script then becomes the Erlang machine instead of waiting beside it.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }


# Erlang's own form: the other one is translated at every start, which takes two seconds.
CONFIGURATION = """\
[
 {{rabbit, [
   {{tcp_listeners, [{{"127.0.0.1", {port}}}]}},
   {{default_user, <<"{user}">>}},
   {{default_pass, <<"{password}">>}},
   {{default_user_tags, [administrator]}},
   {{disk_free_limit, 100000000}},
   {{log, [{{console, [{{enabled, true}}, {{level, warning}}]}}]}}
 ]}},
 {{rabbitmq_management, [{{tcp_config, [{{ip, "127.0.0.1"}}, {{port, {management_port}}}]}}]}},
 {{rabbitmq_prometheus, [{{tcp_config, [{{ip, "127.0.0.1"}}, {{port, {metrics_port}}}]}}]}}
].
"""


async def prepare(
    places: Places, state: State, say: Callable[[str], None], *, anew: bool = False
) -> RabbitMQ:
    check_path(places.servers)
    suite = suites.wanted()
    files = await _files(places.servers, suite, say)
    server = RabbitMQ(
        # A broker cannot read what one of another Debian has kept.
        home=places.rabbitmq.with_name(_named(places.rabbitmq.name, suite)),
        files=files,
        password=state.secret("rabbitmq"),
        port=state.port("amqp"),
        management_port=state.port("rabbitmq-management"),
        metrics_port=state.port("rabbitmq-metrics"),
        distribution_port=state.port("rabbitmq-distribution"),
        epmd_port=state.port("epmd"),
    )
    if anew:
        await asyncio.to_thread(shutil.rmtree, server.home, ignore_errors=True)
    server.write_configuration()
    return server


def _named(name: str, suite: str | None) -> str:
    return f"{name}-{suite}" if suite else name


async def _files(servers: Path, suite: str | None, say: Callable[[str], None]) -> Path:
    files = servers / _named("rabbitmq", suite)
    if files.exists():
        return files
    with files.with_suffix(".lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not files.exists():
            await _fetch(files, suite, say)
    return files


async def _fetch(files: Path, suite: str | None, say: Callable[[str], None]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Refused(
            "There is no apt-get here, from which the launcher takes RabbitMQ. " + ELSEWHERE
        )
    work = files.with_suffix(".new")
    await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
    system = f"Debian {suite}" if suite else "this system"
    try:
        say(f"fetching RabbitMQ: the packages of {system}, unpacked here, nothing is installed")
        await _download(work, suite)
        say("unpacking RabbitMQ")
        await _unpack(work)
        if suite:
            suites.wrap(work / "root")
    except CommandFailed as error:
        raise Refused(f"RabbitMQ could not be fetched.\n{error}\n{ELSEWHERE}") from error
    (work / "root").rename(files)
    await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _download(work: Path, suite: str | None) -> None:
    for folder in ("lists/partial", "cache/archives/partial", "packages", "root"):
        (work / folder).mkdir(parents=True)
    (work / "nothing-installed").touch()
    options = ["-o", f"Dir::State::Lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}"]
    options += ["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-q"]
    if suite:
        options += await suites.options(work, suite)
    await run("apt-get", *options, "update")
    # The broker's own packages whether or not they are installed; libraries only where they are missing.
    bare = ["-o", f"Dir::State::status={work / 'nothing-installed'}"]
    needed = await _needed(options + bare)
    names = [n for n in needed if n.startswith(PACKAGES_OF_THE_BROKER)]
    libraries = needed if suite else await _needed(options)
    names += [n for n in libraries if n.startswith(LIBRARIES)]
    await run("apt-get", *options, "download", *names, cwd=work / "packages")


async def _needed(options: list[str]) -> list[str]:
    install = ["--print-uris", "-y", "install", "--no-install-recommends", "rabbitmq-server"]
    listed = await run("apt-get", *options, *install, environment={"LC_ALL": "C.UTF-8"})
    return package_names(listed)


def package_names(listed: str) -> list[str]:
    """The names in lines like 'address' name_version_architecture.deb size hash."""
    return re.findall(r"^'[^']*' ([a-z0-9][a-z0-9+.-]*)_", listed, flags=re.MULTILINE)


async def _unpack(work: Path) -> None:
    for package in sorted((work / "packages").glob("*.deb")):
        await run("dpkg", "-x", str(package), str(work / "root"))
    erlang = work / "root/usr/lib/erlang"
    for script in (*erlang.glob("bin/*"), *erlang.glob("erts-*/bin/*")):
        move_erlang(script)


def move_erlang(script: Path) -> None:
    """Let a shell script of Erlang's look where the environment says, so that the folder may move."""
    content = script.read_bytes()
    if script.is_symlink() or not content.startswith(b"#!"):
        return
    script.write_bytes(content.replace(ERLANG_ROOT.encode(), OWN_ROOT.encode()))


def check_path(servers: Path) -> None:
    if re.search(r"[^\w./+@=-]", str(servers), flags=re.ASCII):
        raise Refused(
            f"RabbitMQ cannot run below {servers}: its scripts break on spaces and special letters. "
            f"Move the project to a plain path. Or: {ELSEWHERE}"
        )


def _libraries(files: Path) -> str:
    if suites.is_wrapped(files):
        return ""
    folders = (*files.glob("usr/lib/*-linux-*"), *files.glob("lib/*-linux-*"))
    return ":".join(str(folder) for folder in folders)


def _one(folder: Path, pattern: str) -> Path:
    return next(folder.glob(pattern))
