"""A PostgreSQL server of the tests' own, over a socket in a folder of its own: it can be stopped, started and cut off."""

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

BINARIES = next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
MISSING = "no PostgreSQL server is installed (Debian: apt-get install postgresql)"
GUARDED = "guarded"  # the one role that has to give a password


class Server:
    """Started when it is made; ``url`` makes a new, empty database."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="hpsearch-pg-"))  # not below pytest's own, which every session of root's locks anew
        self.folder, self._numbers, self._as_user = folder, count(1), list[str]()
        if os.getuid() == 0:  # the server refuses to run as root
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-A", "trust", "-U", "hpsearch")
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\nlocal all all trust\n")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*self._as_user, f"{BINARIES}/{program}", "-D", str(self.folder / "data"), *words], check=True, **quiet)

    def start(self) -> None:
        """Returns once it answers."""
        self._run(
            "pg_ctl",
            "-l",
            str(self.folder / "log"),
            "-o",
            f"-c listen_addresses='' -c unix_socket_directories={self.folder}",
            "-w",
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        """``fast`` ends the sessions in order, ``immediate`` as a crash would."""
        self._run("pg_ctl", "-m", mode, "-w", "stop")

    def remove(self) -> None:
        """The end of the server and all its databases."""
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def url(self, name: str = "", role: str = "hpsearch") -> str:
        """The URL of a database: a new one, where none is named."""
        if not name:
            name = f"test{next(self._numbers)}"
            self.ask(f"create database {name}")
        return f"postgresql+psycopg://{role}@/{name}?host={self.folder}"

    def ask(self, sql: str, name: str = "postgres") -> list[Any]:
        """What the server answers, outside any transaction."""
        engine = create_engine(self.url(name), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            found = connection.exec_driver_sql(sql)
            lines = list(found) if found.returns_rows else []
        engine.dispose()
        return lines

    def terminate(self, url: str) -> int:
        """End every session of a database, as an administrator or a failover does; how many there were."""
        name = make_url(url).database
        return len(self.ask(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"))
