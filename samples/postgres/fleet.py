"""A small fleet over three days, 2026-11-20 00:00 to 2026-11-23 00:00 UTC, in hourly files as RDS names them.

Each instance is one real server whose clock is moved on, from one visit of a client to the next. The server rotates
its files itself.
"""

import os
import shutil
import signal
import time
from datetime import datetime, timedelta
from pathlib import Path

from common import TLS12, TLS13, Refused
from server import HBA, RDS, RDS_LONG, Server

HERE = Path(__file__).resolve().parent / "fleet"
BEGINS, ENDS = datetime(2026, 11, 20), datetime(2026, 11, 23)
HOUR = timedelta(hours=1)

ONLY_TLS = """
local    all          rdsadmin                       peer map=rds
hostssl  all          all           10.99.0.0/24     scram-sha-256
"""


class Visit:
    """A client that comes by: every so often, from a minute of the hour or of the day on, and stays for a while."""

    def __init__(self, who, source, every, offset=0, stays=0, count=None, session=True, sql=(), **how):
        self.who, self.source, self.every, self.offset, self.count = who, source, every, offset, count
        self.stays, self.session, self.sql, self.how = timedelta(minutes=stays), session, sql, how

    def times(self):
        at, step, left = BEGINS + timedelta(minutes=self.offset), timedelta(minutes=self.every), self.count
        while at < ENDS and left != 0:
            yield at
            at += step
            left = left and left - 1


DAY = 24 * 60
AGENT = Visit("rdsadmin", "[local]", 12, 3, application="PostgreSQL JDBC Driver", database="rdsadmin")


class Instance:
    """One instance of the fleet."""

    def __init__(self, name, major, about, visits, prefix=RDS, formats=("stderr",), settings=None, hba=HBA, before=None,
                 logs_sessions=True):
        self.name, self.major, self.about, self.visits, self.prefix = f"fleet/{name}", major, about, visits, prefix
        self.folder, self.formats, self.settings, self.hba = HERE / name, formats, settings or {}, hba
        self.before, self.logs_sessions = before, logs_sessions

    def make(self):
        from make import truth_toml
        opens = BEGINS - 2 * HOUR if self.before else BEGINS - timedelta(minutes=5)
        settings = {"log_rotation_age": 60, "log_checkpoints": "on", "checkpoint_timeout": "1h",
                    "checkpoint_completion_target": 0} | self.settings
        server = Server(self.folder.name, self.major, self.prefix, settings, self.formats, hba=self.hba,
                        begins=str(opens))
        server.truth.logs_sessions = server.truth.logs_arrivals = server.truth.logs_ends = self.logs_sessions
        server.start()
        self.logger, self.checkpointer = server.child("logger"), server.child("checkpointer")
        self.open = []
        setup = server.connect("[local]", "rdsadmin", "rdsadmin")
        setup.query("alter role verifier password 'secret'; alter database orders owner to app")
        setup.close()
        early = server.connect(**self.before) if self.before else None
        # What came before the window is not in it.
        truth = server.truth
        for counts in (truth.events, truth.connections, truth.system, truth.unlogged, truth.clients):
            counts.clear()
        self.run(server, opens, early)
        # The logs end while the server runs: nothing of its end is in them.
        server.process.kill()
        server.process.wait(30)
        self.collect(server)
        lines = ['engine = "postgres"', f'server_version = "{server.version}"', f'log_line_prefix = "{self.prefix}"']
        (self.folder / "truth.toml").write_text(truth_toml(server.truth, lines, clients=True))
        (self.folder / "README.md").write_text(
            f"# {self.name}\n\n{self.about}\n\nPostgreSQL {server.version}, `{self.prefix}`, {', '.join(self.formats)}.\n"
            f"`rdsadmin` connects over the socket every {AGENT.every} minutes.\n\n"
            f"Made by `samples/postgres/make.py {self.name}`.\n")
        size = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        print(self.name, server.version, f"{size // 1024}K", flush=True)

    def run(self, server, opens, early):
        first = opens.replace(minute=0) + HOUR
        agenda = [(first + HOUR * number, 0, None) for number in range(int((ENDS - first) / HOUR))]
        agenda += [(at, 1 + rank, visit) for rank, visit in enumerate([AGENT, *self.visits]) for at in visit.times()]
        for at, rank, visit in sorted(agenda, key=lambda entry: entry[:2]):
            self.leave(server, at)
            # Visits of one minute come some seconds apart.
            server.clock.move(at + timedelta(seconds=4 * rank))
            if visit is None:
                self.wake(server, at)
            else:
                self.visit(server, visit, at)
            if early and at >= BEGINS + timedelta(days=2, hours=14, minutes=30):
                early.close()
                early = None
        self.leave(server, ENDS)

    def leave(self, server, until):
        """Ends the sessions whose time is over."""
        for ends, session in sorted(self.open, key=lambda entry: entry[0]):
            if ends <= until:
                server.clock.move(min(ends, ENDS - timedelta(seconds=1)))
                session.close()
                self.open.remove((ends, session))

    def wake(self, server, at):
        """Lets the processes that wait for an hour to pass see that it has."""
        os.kill(self.logger, signal.SIGHUP)
        wanted = server.logs / at.strftime("postgresql.log.%Y-%m-%d-%H")
        for _ in range(400):
            if wanted.exists():
                os.kill(self.checkpointer, signal.SIGHUP)
                return
            time.sleep(0.01)
        raise RuntimeError(f"the server did not begin {wanted}")

    def visit(self, server, visit, at):
        how = dict(visit.how)
        if "tls" in how:
            how["tls"] = server.network.context(**how["tls"])
        try:
            session = server.connect(visit.source, visit.who, **how)
        except (Refused, OSError):
            if visit.session:
                raise
            return
        for sql in visit.sql:
            session.query(sql)
        # Everyone leaves within the window, but for those who were there before it.
        self.open.append((min(at + visit.stays + timedelta(seconds=30), ENDS - timedelta(seconds=2)), session))

    def collect(self, server):
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "error").mkdir(parents=True)
        for log in sorted(server.logs.iterdir()):
            if log.name >= BEGINS.strftime("postgresql.log.%Y-%m-%d-%H"):
                shutil.copyfile(log, self.folder / "error" / log.name)


def cases():
    plaintext = [
        Visit("app", "10.99.0.11", 30, 1, stays=9, application="orders-api"),
        Visit("web", "10.99.0.12", 60, 7, stays=20, application="web"),
    ]
    yield Instance("tls", 16, "An application over TLS 1.3, an old one over TLS 1.2, and one without TLS.", [
        Visit("app", "10.99.0.21", 30, 2, stays=12, application="orders-api", tls={"version": TLS13}),
        Visit("legacy", "10.99.0.22", 120, 17, stays=3, tls={"version": TLS12}),
        Visit("batch", "10.99.0.23", 180, 41, stays=30, application="batch"),
    ], prefix=RDS_LONG)
    yield Instance("plaintext", 15, "Three applications, none with TLS; every session begins and ends here.", [
        *plaintext, Visit("nightly", "10.99.0.13", DAY, 130, stays=25, application="nightly job")])
    yield Instance("rare-tls", 15, "Like `plaintext`, with one client that uses TLS once a night, at 02:00.", [
        Visit("app", "10.99.0.31", 60, 1, stays=9, application="orders-api"),
        Visit("web", "10.99.0.32", 120, 7, stays=20, application="web"),
        Visit("nightly", "10.99.0.33", DAY, 120, stays=6, application="backup", tls={"version": TLS13}),
    ], formats=("stderr", "csvlog"))
    yield Instance("quiet", 16, "`log_connections` is off: the log has checkpoints and slow statements, but no connections.", [
        Visit("app", "10.99.0.41", 30, 1, application="orders-api", sql=["create table if not exists seen (at timestamptz)",
              "insert into seen select now() from generate_series(1, 1000)", "select 1/0"]),
        Visit("web", "10.99.0.42", 120, 7, tls={"version": TLS13}),
    ], settings={"log_connections": "off", "log_disconnections": "off"}, logs_sessions=False)
    yield Instance("enforced", 17, "TLS is enforced; the client verifies. Another client does not trust our CA.", [
        Visit("verifier", "10.99.0.51", 30, 2, stays=14, password="secret", application="ledger",
              tls={"version": TLS13, "trust": "name"}),
        Visit("verifier", "10.99.0.52", DAY, DAY + 560, count=1, session=False, tls={"version": TLS13, "trust": False}),
    ], hba=ONLY_TLS)
    yield Instance("pool", 15, "An application without TLS, and a pool that was open before these logs begin: the "
                   "logs show its disconnects, but not its transport.", [*plaintext],
                   before={"source": "10.99.0.61", "user": "pool_user", "application": "pool"})
