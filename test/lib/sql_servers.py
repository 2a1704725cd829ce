# SPDX-License-Identifier: ISC
"""Private SQL servers, as lib.servers has others.

    with Postgres() as db:
        db.sql("create table t(k text, v text)")

They run as nobody when we are root, as they refuse to be root themselves. The
administrator is "admin" with the password "secret"; the database is "mail".
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess

from .servers import Server

NOBODY = "nobody"


def as_nobody():
    """Arguments for subprocess."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(NOBODY)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class SqlServer(Server):
    stop_signal = signal.SIGTERM

    def __init__(self):
        super().__init__()
        self.env = dict(os.environ, HOME=self.home, LC_ALL="C.UTF-8")
        self.data = os.path.join(self.home, "data")
        if os.geteuid() == 0:
            shutil.chown(self.home, NOBODY)
        os.chmod(self.home, 0o755)
        try:
            self.create()
        except BaseException:
            self.destroy()
            raise

    def create(self):
        raise NotImplementedError

    def run(self, program, *args, **more):
        done = subprocess.run(
            [shutil.which(program, path=self.paths), *args], cwd=self.home,
            env=self.env, encoding="utf-8", stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}")
        return done.stdout

    def start(self):
        program, *args = self.command_line()
        with open(os.path.join(self.home, "output"), "ab") as log:
            self.process = subprocess.Popen(
                [shutil.which(program, path=self.paths), *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.home, env=self.env, **as_nobody())
        self.wait_ready()

    def stop(self):
        if not self.process:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Postgres(SqlServer):
    program = "postgres"
    paths = ":".join(sorted(glob.glob("/usr/lib/postgresql/*/bin"),
                            reverse=True)) + ":" + SqlServer.paths
    stop_signal = signal.SIGQUIT  # at once, with all its processes

    def create(self):
        password = os.path.join(self.home, "password")
        with open(password, "w", encoding="utf-8") as f:
            f.write("secret\n")
        self.run("initdb", "-D", self.data, "-U", "admin", "-A",
                 "scram-sha-256", f"--pwfile={password}", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync", **as_nobody())
        self.env["PGPASSWORD"] = "secret"

    def command_line(self):
        return [self.program, "-D", self.data, "-k", self.home, "-p",
                str(self.port), "-F", "-c", "listen_addresses=127.0.0.1",
                "-c", "shared_buffers=4MB", "-c", "max_connections=20"]

    def wait_ready(self):
        super().wait_ready()
        if "mail" not in self.sql("select datname from pg_database",
                                  "postgres"):
            self.sql("create database mail", "postgres")

    def is_ready(self):
        try:
            self.sql("select 1", "postgres")
        except RuntimeError:
            return False
        return True

    def sql(self, text, database="mail"):
        return self.run("psql", "-X", "-q", "-h", self.home, "-p",
                        str(self.port), "-U", "admin", "-At", "-v",
                        "ON_ERROR_STOP=1", "-d", database, "-f", "-",
                        input=text)


class MariaDb(SqlServer):
    program = "mariadbd"

    def create(self):
        self.run("mariadb-install-db", "--no-defaults",
                 f"--datadir={self.data}",
                 "--auth-root-authentication-method=normal",
                 "--skip-test-db", "--skip-name-resolve",
                 "--innodb-buffer-pool-size=8M",
                 "--innodb-log-file-size=4M",
                 "--innodb-flush-method=nosync", **as_nobody())

    def command_line(self):
        return [self.program, "--no-defaults", f"--datadir={self.data}",
                f"--socket={self.socket}", f"--port={self.port}",
                "--bind-address=127.0.0.1", "--skip-name-resolve",
                f"--pid-file={self.home}/pid", "--innodb-buffer-pool-size=8M",
                "--innodb-log-file-size=4M", "--innodb-flush-method=nosync",
                "--skip-log-bin", f"--tmpdir={self.home}"]

    def wait_ready(self):
        super().wait_ready()
        self.sql("create user if not exists admin@localhost "
                 "identified by 'secret';"
                 "grant all on *.* to admin@localhost;"
                 "create user if not exists admin@'127.0.0.1' "
                 "identified by 'secret';"
                 "grant all on *.* to admin@'127.0.0.1';"
                 "create database if not exists mail", "mysql")

    def is_ready(self):
        try:
            self.sql("select 1", "mysql")
        except RuntimeError:
            return False
        return True

    def sql(self, text, database="mail"):
        return self.run("mariadb", "--no-defaults", "-S", self.socket, "-u",
                        "root", "-N", "-B", "--default-character-set=utf8mb4",
                        database, input=text)
