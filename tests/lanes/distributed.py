"""Runs a command with PostgreSQL and Redis of its own: `python -m tests.lanes.distributed pytest ...`.

Both are started in a temporary folder on free ports and stopped again; the command finds them in DATABASE_URL and
REDIS_URL and ends with its own exit code.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.local_servers import LocalPostgres, LocalRedis


@contextmanager
def servers(*, throwaway: bool = True) -> Iterator[tuple[LocalPostgres, LocalRedis]]:
    """A pair of running servers, gone with everything in them afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="flightdeck-servers-"))
    folder.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
    postgres, redis = LocalPostgres(folder / "postgres", throwaway=throwaway), LocalRedis(folder / "redis")
    try:
        postgres.start()
        redis.start()
        postgres.make_database()
        yield postgres, redis
    finally:
        postgres.stop("immediate")
        redis.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def main(command: Sequence[str]) -> int:
    with servers() as (postgres, redis):
        environment = os.environ | {"DATABASE_URL": postgres.url(), "REDIS_URL": redis.url()}
        print(f"PostgreSQL and Redis for the tests: ports {postgres.port} and {redis.port}", flush=True)
        running = subprocess.Popen(command, env=environment)
        signal.signal(signal.SIGTERM, lambda *_: running.terminate())
        try:
            return running.wait()
        except KeyboardInterrupt:
            return running.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
