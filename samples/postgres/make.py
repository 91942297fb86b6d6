#!/usr/bin/env python3
"""Makes the samples of this folder on real servers: `make.py [CASE...]`, as root; `make.py --list` names the cases.

Needs npm, openssl, psql, cc, libcurl, and for some cases PostgreSQL 15 of Debian: with its catalogues for those in other
languages, and with PAM.
The counts of truth.toml are what the clients here did (see client.py), never what a log says.
"""

import json
import os
import re
import shutil
import ssl
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import fleet
import hostile
import iam
from common import ROOM, TLS12, TLS13, refused
from prefixes import PREFIXES
from server import DEBIAN, RDS, RDS_LONG, RDS_LONG_COLON, Server, enter

HTTP = b"GET / HTTP/1.1\r\nHost: db\r\n\r\n"


def everything(server):
    """What an honest fleet, its mistakes and the scanners of its network do to a server."""
    sessions(server)
    refusals(server)
    handshakes(server)
    probes(server)
    system(server)


def sessions(server):
    n = server.network
    server.visit("10.99.0.7", "app", application="orders-api", tls=n.context(TLS13))
    server.visit("10.99.0.7", "app", application="my: app [v1] (blue)", tls=n.context(TLS12))
    server.visit("10.99.0.8", "app", application="orders-api")
    server.visit("10.99.0.8", "app")
    server.visit("10.99.0.9", "old", password="secret", tls=n.context(TLS12, ciphers="ECDHE-RSA-AES128-GCM-SHA256"))
    server.visit("10.99.0.9", "modern", password="secret", application="jdbc")
    server.visit("10.99.0.10", "clear", password="secret", tls=n.context(trust="name"))
    server.visit("10.99.0.10", "certified", tls=n.context(client="client"))
    server.visit("127.0.0.1", "app", tls=n.context())
    server.visit("127.0.0.1", "app")
    server.visit("::1", "app")
    server.visit("fd99::7", "app", tls=n.context())
    server.visit("[local]", "app")
    n.psql("modern", "secret", "prefer")
    n.psql("modern", "secret", "disable")
    replica = server.connect("10.99.0.11", "repl", None, replication="true", password="secret", tls=n.context(),
                             application="walreceiver")
    replica.query("IDENTIFY_SYSTEM")
    replica.close()
    if server.major >= 12:
        server.visit("10.99.0.12", "app", gss_first=True, tls=n.context())
    if server.major >= 17:
        server.visit("10.99.0.12", "app", direct=True, tls=n.context(alpn=True))
    # Before 12 nothing keeps old versions out.
    if server.major < 12:
        server.visit("10.99.0.12", "app", tls=n.context(ssl.TLSVersion.TLSv1_1, oldest=ssl.TLSVersion.TLSv1_1))
    with_admin_help = server.connect("10.99.0.8", "app")
    admin = server.connect("[local]", "admin")
    admin.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'")
    with_admin_help.close()
    admin.close()


def refusals(server):
    n = server.network
    for tls in (None, n.context()):
        refused(server, "10.99.0.200", "app", tls=tls)
        refused(server, "10.99.0.7", "banned", tls=tls)
        refused(server, "10.99.0.7", "app", None, replication="true", tls=tls)
        refused(server, "10.99.0.7", "modern", password="wrong", tls=tls)
        # Granted, and then found to be impossible: the session was up.
        refused(server, "10.99.0.7", "app", "nowhere", tls=tls)
    refused(server, "10.99.0.7", "tls_only")
    refused(server, "10.99.0.7", "certified", tls=n.context())
    refused(server, "10.99.0.7", "nologin", tls=n.context())
    refused(server, "10.99.0.7", "old", password="wrong")
    refused(server, "[local]", "nobody_of_this_name")
    n.psql("modern", "wrong", "prefer")
    # As psql does before it asks for a password.
    server.visit("10.99.0.7", "modern", tls=n.context())


def handshakes(server):
    n = server.network
    refused(server, "10.99.0.20", "app", tls=n.context(TLS12, trust=False))
    refused(server, "10.99.0.20", "app", tls=n.context(TLS13, trust=False))
    for alert in (42, 45, 80):
        n.alert("10.99.0.20", alert)
    refused(server, "10.99.0.21", "app", tls=n.context(TLS12, ciphers="AES128-SHA"))
    if server.major >= 12:
        old = ssl.TLSVersion.TLSv1_1
        refused(server, "10.99.0.21", "app", tls=n.context(old, oldest=old))
    if server.major >= 17:
        # The handshake succeeds; the server then misses ALPN.
        refused(server, "10.99.0.21", "app", direct=True, tls=n.context())
        server.truth.handshake_failed()


def probes(server):
    n = server.network
    n.probe("10.99.0.30")
    n.probe("10.99.0.30", send=HTTP)
    n.probe("10.99.0.30", send=b"\x00\x00\x00\x10\x04\xd2\x16\x2e" + bytes(8))
    for send, reset in ((b"", False), (HTTP, False), (b"\x01" * 64, False), (b"", True)):
        n.probe("10.99.0.30", send=send, reset=reset, tls_answer=True)
        server.truth.handshake_failed()


def system(server):
    server.visit("[local]", "rdsadmin", "rdsadmin", application="PostgreSQL JDBC Driver")
    server.visit("127.0.0.1", "rdsadmin", "rdsadmin", tls=server.network.context())
    server.visit("[local]", "rdsadmin", "rdsadmin")


def few(server):
    """The least that tells one transport from another."""
    n = server.network
    server.visit("[local]", "rdsadmin", "rdsadmin")
    server.visit("10.99.0.7", "app", application="orders api", tls=n.context(TLS13))
    server.visit("10.99.0.7", "app", tls=n.context(TLS12))
    server.visit("10.99.0.8", "app", application="orders api")
    server.visit("10.99.0.8", "app")
    server.visit("127.0.0.1", "app")
    server.visit("[local]", "app")
    refused(server, "10.99.0.200", "app", tls=n.context())
    refused(server, "10.99.0.200", "app")
    refused(server, "10.99.0.7", "modern", password="wrong")
    refused(server, "10.99.0.20", "app", tls=n.context(trust=False))
    n.probe("10.99.0.30")
    noisy = server.connect("10.99.0.8", "app")
    noisy.query("select 1/0\n-- " + hostile.SESSION)
    noisy.close()


def complete(server):
    """All kinds of records that tell something of a connection, each a few times, names with separators among them."""
    few(server)
    n = server.network
    server.visit("127.0.0.1", "rdsadmin", "rdsadmin", tls=n.context())
    server.visit("127.0.0.1", "app", tls=n.context())
    n.psql("modern", "secret", "prefer")
    replica = server.connect("10.99.0.11", "repl", None, replication="true", password="secret", tls=n.context(),
                             application="walreceiver")
    replica.query("IDENTIFY_SYSTEM")
    replica.close()
    for tls in (None, n.context()):
        refused(server, "10.99.0.7", "banned", tls=tls)
        # Granted, and then found to be impossible: the session was up.
        refused(server, "10.99.0.7", "app", "nowhere", tls=tls)
    refused(server, "10.99.0.21", "app", tls=n.context(TLS12, ciphers="AES128-SHA"))
    n.probe("10.99.0.30", send=HTTP, tls_answer=True)
    server.truth.handshake_failed()
    admin = server.connect("[local]", "admin")
    for name in ("two words", "joe@example.com"):
        admin.query(f'create role "{name}" login')
        admin.query(f'create database "{name}"')
        server.visit("10.99.0.40", name, name, tls=n.context())
        server.visit("10.99.0.41", name, "orders", application=f"{name}, again")
    admin.close()


def background(server):
    """Processes without a session write too: what a `%q` ends early."""
    complete(server)
    admin = server.connect("[local]", "admin")
    for statement in ("create table t (i int)", "insert into t select generate_series(1, 1000)", "checkpoint",
                      "vacuum analyze t", "select pg_reload_conf()", "checkpoint"):
        admin.query(statement)
    admin.close()


class Moves:
    """Sessions before and after the clock moves on to each of these times, and one that is open over all of it."""

    def __init__(self, *times):
        self.times = times

    def __call__(self, server):
        long = server.connect("10.99.0.7", "app", application="stays", tls=server.network.context(TLS13))
        few(server)
        for time in self.times:
            server.clock.move(time)
            few(server)
        long.close()


def changed_prefix(server):
    few(server)
    server.set("log_line_prefix", RDS_LONG)
    few(server)


def spoofed(server):
    """A plaintext client whose application name ends as a record of a TLS session does."""
    server.visit("10.99.0.8", "app", application="app" + hostile.MARK)
    server.visit("10.99.0.8", "app", application="app SSL enabled (colour=red)")
    server.visit("10.99.0.7", "app", application="app", tls=server.network.context(TLS13))


def no_sessions(server):
    server.truth.logs_sessions = server.truth.logs_arrivals = server.truth.logs_ends = False
    few(server)


def receipt_only(server):
    server.truth.logs_sessions = False
    few(server)


class Case:
    """A folder of samples: a server, and what is done to it."""

    def __init__(self, name, major, scenario, about, prefix=RDS, settings=None, language=None, foreign=None,
                 formats=("stderr", "csvlog", "jsonlog"), differs=(), hosts=None, **server):
        self.name, self.major, self.scenario, self.about = name, major, scenario, about
        self.language, self.foreign, self.formats = language, foreign, formats
        self.prefix, self.settings, self.differs, self.hosts = prefix, settings or {}, differs, hosts
        # What else the server is made with.
        self.server = server

    def make(self):
        server = Server(self.name, self.major, self.prefix, self.settings, self.formats, self.language, **self.server)
        if self.hosts:
            file = ROOM / f"{self.name}.hosts"
            file.write_text(self.hosts)
            os.system(f"mount --bind {file} /etc/hosts")
        server.start()
        self.scenario(server)
        server.stop()
        folder = HERE / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        logs = sorted(server.logs.iterdir())
        for log in logs:
            shutil.copyfile(log, folder / log.name)
        lines = ['engine = "postgres"', f'server_version = "{server.version}"',
                 f'log_line_prefix = {json.dumps(self.prefix)}']
        if self.foreign:
            lines.append(f'foreign = "{self.foreign}"')
        if not has(self.prefix, "tmn"):
            lines.append("untimed = true")
        differs = self.differs or ([] if has(self.prefix, "pcrh") else no_addresses(server.truth))
        (folder / "truth.toml").write_text(truth_toml(server.truth, lines, differs))
        settings = "".join(f"- `{name} = {value}`\n" for name, value in self.settings.items())
        (folder / "README.md").write_text(
            f"# {self.name}\n\n{self.about}\n\nPostgreSQL {server.version}, `{self.prefix}`, one run logged as "
            f"{', '.join(server.formats)}.\n{settings and chr(10)}{settings}\n"
            f"Made by `samples/postgres/make.py {self.name}`.\n")
        print(self.name, server.version, *(f"{log.suffix if log.suffix in ('.csv', '.json') else 'stderr'} "
                                           f"{log.stat().st_size // 1024}K" for log in logs), flush=True)


def has(prefix, escapes):
    """Whether a prefix has one of these escapes."""
    return re.search(f"%-?\\d*[{escapes}]", prefix)


def quoted(key):
    return key if key.replace("-", "_").isidentifier() else f'"{key}"'


def truth_toml(truth, more=(), differs=(), clients=False):
    lines = ['origin = "real"', 'counted_by = "the clients that samples/postgres/make.py opened"', *more]
    lines += [f"{name} = {count}" for name, count in sorted(truth.events.items()) if count]
    for name in ("connections", "system", "unlogged", "tls_versions", "ciphers"):
        counts = {key: count for key, count in sorted(getattr(truth, name).items()) if count}
        if counts:
            lines += ["", f"[{name}]", *(f'{quoted(key)} = {count}'
                                          for key, count in counts.items())]
    for (user, address), counts in sorted(truth.clients.items()) if clients else ():
        lines += ["", "[[clients]]", f'user = "{user}"', f'address = "{address}"',
                  *(f"{transport} = {count}" for transport, count in sorted(counts.items()))]
    for text in differs:
        lines += ["", text.strip()]
    return "\n".join(lines) + "\n"


def cases():
    all_of_it = "Sessions of every transport, refusals, failed handshakes, probes, replication and AWS's own user."
    attack = "Names, statements and application names that imitate records of sessions."
    for major in range(10, 19):
        yield Case(f"{major}-rds", major, everything, all_of_it)
    for major in (16, 17, 18):
        yield Case(f"{major}-rds-long-prefix", major, everything, all_of_it, RDS_LONG, formats=("stderr",))
        yield Case(f"{major}-rds-long-prefix-colon", major, everything, all_of_it, RDS_LONG_COLON, formats=("stderr",))
    yield Case("17-aurora-long-prefix-colon", 17, background, AURORA, RDS_LONG_COLON, formats=("stderr",), settings={
        "log_filename": "postgresql.log.%Y-%m-%d-%H%M", "log_checkpoints": "on", "log_statement": "ddl",
        "log_autovacuum_min_duration": "0", "log_replication_commands": "on"})
    for major in (12, 15, 16, 18):
        yield Case(f"{major}-hostile", major, hostile.everything, attack, differs=imitated_marks(plaintext=13, unparsed=1))
    for major in (16, 18):
        for name, prefix in (("", RDS_LONG), ("-colon", RDS_LONG_COLON)):
            yield Case(f"{major}-hostile-long-prefix{name}", major, hostile.everything, attack, prefix,
                       formats=("stderr",), differs=imitated_marks(plaintext=14, unparsed=4))
    doubtful = "Names that tear lines of the stderr log, or make them ambiguous: counted as unparsed."
    yield Case("16-two-readings", 16, hostile.two_readings, doubtful,
               differs=two_readings(tls=2, plaintext=4, disconnected=3, rejected=1, unparsed=21))
    yield Case("16-two-readings-long-prefix", 16, hostile.two_readings, doubtful, RDS_LONG, formats=("stderr",),
               differs=two_readings(tls=2, plaintext=5, disconnected=2, rejected=4, unparsed=19))
    yield Case("taken-back", DEBIAN, hostile.taken_back,
               "Names of clients that are not logged in, which read as the context of a session's record or as records in German.",
               differs=two_readings(tls=2, plaintext=2, disconnected=4, rejected=1, unparsed=6))
    yield Case("raised", DEBIAN, hostile.raised,
               "Records that look like those of sessions, written by `RAISE LOG` with details and hints.")
    yield Case("spoofed-application-name", 16, spoofed, SPOOFED, differs=SPOOFED_DIFFERS)
    for name, prefix, whose in (
            ("debian-prefix", "%m [%p] %q%u@%d ", "Debian's and Ubuntu's packages"),
            ("pgbadger-prefix", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ", "pgBadger's advice"),
            ("cloud-sql-prefix", "%m [%p]: [%l-1] db=%d,user=%u ", "Google Cloud SQL"),
            ("azure-prefix", "%t-%c-", "Azure Database for PostgreSQL"),
            ("default-prefix", "%m [%p] ", "PostgreSQL itself, from 10 on")):
        yield Case(name, DEBIAN, few, f"The `log_line_prefix` of {whose}.", prefix, formats=("stderr",))
    for name, major, prefix, about in PREFIXES:
        yield Case(name, major, complete, about, prefix, formats=("stderr",))
    yield from zones()
    yield iam.case(Case)
    yield Case("prefix-changed", 16, changed_prefix, "RDS's prefix, changed to its second value while the server ran.",
               formats=("stderr",))
    yield Case("verbose", 16, few, "Every line has its SQLSTATE, and a `LOCATION` line behind it.",
               settings={"log_error_verbosity": "verbose"})
    yield Case("log-timezone", 16, few, "Times in a zone whose abbreviation stands for three zones.",
               settings={"log_timezone": "Asia/Kolkata"})
    yield Case("log-hostname", 16, few, "Host names in place of addresses.", settings={"log_hostname": "on"},
               hosts="127.0.0.1 localhost\n10.99.0.7 app-7.example.internal\n10.99.0.8 app-8.example.internal\n")
    yield Case("18-receipt-only", 18, receipt_only,
               "Connection attempts are logged, but sessions are not, so the log does not show TLS.",
               settings={"log_connections": "receipt"})
    yield Case("connections-off", 16, no_sessions,
               "Sessions are not logged. Failed handshakes and rejections are logged with any settings.",
               settings={"log_connections": "off", "log_disconnections": "off"})
    for name, code, language in (("german", "de", "German"), ("spanish", "es", "Spanish"), ("french", "fr", "French"),
                                 ("japanese", "ja", "Japanese"), ("korean", "ko", "Korean"), ("russian", "ru", "Russian"),
                                 ("chinese", "zh_CN", "Chinese"), ("italian", "it", "Italian"),
                                 ("georgian", "ka", "Georgian"), ("swedish", "sv", "Swedish"),
                                 ("ukrainian", "uk", "Ukrainian")):
        yield Case(name, DEBIAN, few, f"Messages in {language} (`lc_messages`): not supported, so the log is rejected.",
                   language=code, foreign=language, formats=("stderr", "csvlog"))


def imitated_marks(plaintext, unparsed):
    """What is found where clients without TLS write a whole mark, twice, and a part of one into their application names."""
    return [f"""[[except]]
reason = "a client writes a TLS mark, or a part of one, into its application name: it counts as TLS, or is not understood"
connections = {{ local = 1, plaintext = {plaintext}, tls = 18 }}
tls_versions = {{ "TLSv1.3" = 18 }}
ciphers = {{ FAKE = 2, TLS_AES_256_GCM_SHA384 = 16 }}
unparsed = {unparsed}
"""]


def numeric_zone(server):
    """All kinds of records, and addresses that look like minutes of the zone that stands before them."""
    complete(server)
    server.visit("9.99.0.7", "app", tls=server.network.context())
    server.visit("9.99.0.7", "app")


def zones():
    numeric = "Times in a zone that has no name but its distance from UTC"
    for name, major, zone, prefix, about in (
            ("zone-sao-paulo", 16, "America/Sao_Paulo", RDS,
             f"{numeric}: `-03`, behind which an address may read as minutes: `-03:10.99`, `-03:9.99`."),
            ("zone-sao-paulo-long-prefix-colon", 18, "America/Sao_Paulo", RDS_LONG_COLON, f"{numeric}, twice a line."),
            ("zone-kathmandu", 17, "Asia/Kathmandu", RDS, f"{numeric}, with minutes: `+0545`."),
            ("zone-etc-gmt", 15, "Etc/GMT+3", "%m [%p] ", f"{numeric}; its name has the opposite sign: `-03`."),
            ("zone-gmt-plus-3", 14, "<GMT+3>+3", "%t [%p]: [%l-1] user=%u,db=%d ",
             "A zone that calls itself `GMT+3` and is three hours behind UTC, as `Etc/GMT+3` did in old logs.")):
        yield Case(name, major, numeric_zone, about, prefix, settings={"log_timezone": zone}, formats=("stderr", "csvlog"))
    change = "The clock goes back an hour while the server runs: the same hour comes twice, in two zones"
    yield Case("zone-dst-change", 16, Moves("2026-10-25 00:40:00", "2026-10-25 01:30:00"), f"{change}, `CEST` and `CET`.",
               settings={"log_timezone": "Europe/Berlin"}, begins="2026-10-25 00:30:00")
    yield Case("zone-dst-change-long-prefix-colon", 17, Moves("2026-04-05 02:40:00", "2026-04-05 03:30:00"),
               f"{change}, `-03` and `-04`.", RDS_LONG_COLON, settings={"log_timezone": "America/Santiago"},
               begins="2026-04-05 02:30:00", formats=("stderr", "csvlog"))


AURORA = """Aurora PostgreSQL's file name and usual settings: checkpoints, vacuums and DDL are logged too, so that lines of
processes without a session are among the records. The server is PostgreSQL's own; no Aurora server was available."""


def no_addresses(truth):
    """What is left of transports where no record can be joined with the one that names its address."""
    def merged(counts):
        counts = dict(counts)
        counts["plaintext"] = counts.get("plaintext", 0) + counts.pop("local", 0)
        return "{ " + ", ".join(f"{name} = {count}" for name, count in sorted(counts.items()) if count) + " }"
    return [f"""[[except]]
reason = "the prefix names neither address nor process: what came by the socket reads as what came without TLS"
connections = {merged(truth.connections)}
system = {merged(truth.system)}
"""]


def two_readings(tls, plaintext, disconnected, rejected, unparsed):
    """What is left to a stderr log once lines that read in two ways are set apart."""
    return [f"""[[except]]
formats = ["stderr"]
reason = "a newline or a whole prefix in a name makes lines that read in two ways; csv and json quote names"
connections = {{ tls = {tls}, plaintext = {plaintext} }}
tls_versions = {{ "TLSv1.3" = {tls} }}
ciphers = {{ TLS_AES_256_GCM_SHA384 = {tls} }}
disconnected = {disconnected}
rejected = {rejected}
unparsed = {unparsed}
"""]


SPOOFED = """A plaintext client with `application_name = 'app SSL enabled (protocol=TLSv1.3, cipher=FAKE, bits=256)'`, and one with
`'app SSL enabled (colour=red)'`. The record of the first is byte for byte that of a TLS client, so it counts as TLS,
which is the safe error. The second has a mark that no known server writes. It counts as unparsed, because a later version
may write it. `truth.toml` says what the clients did, and under `[[except]]` what a scan finds."""

SPOOFED_DIFFERS = ['''[[except]]
reason = "application_name is free text and stands before the TLS mark, so that a plaintext client can write a mark"
unparsed = 1
connections = { tls = 2 }
tls_versions = { "TLSv1.3" = 2 }
ciphers = { FAKE = 1, TLS_AES_256_GCM_SHA384 = 1 }
''']


def main():
    wanted = set(sys.argv[1:])
    everyone = [*cases(), *fleet.cases()]
    if wanted == {"--list"}:
        print(*(case.name for case in everyone), sep="\n")
        return
    unknown = wanted - {case.name for case in everyone}
    if unknown:
        sys.exit(f"no such case: {', '.join(sorted(unknown))}")
    enter()
    for case in everyone:
        if not wanted or case.name in wanted:
            case.make()


if __name__ == "__main__":
    main()
