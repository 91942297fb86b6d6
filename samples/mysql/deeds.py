"""What clients do to a server: an honest fleet, hostile names, forged records."""

import socket
import time

from client import WRONG
from common import TLS12, TLS13, Refused, refused

USUAL = "Sessions of every transport, refusals, failed handshakes, probes, changes of user and database."
ENFORCED = "A user that requires TLS; then a server that requires TLS and rejects remote clients without it."
REJECTED = ("Rejected passwords and databases, with and without TLS; port probes; addresses from which no user may connect; "
            "clients that reject the certificate; and concurrent sessions of a few seconds.")
NAMED = "A server that resolves addresses to host names: clients with a name, one with another name, and one without."
HOSTILE = "Users and databases whose names are parts of records; statements that are nearly records."
FORGERIES = ("Statements that write whole records into the general log. They add sessions and the rejection of an "
             "idle one, and hide none.")

DATED = "Statements that hold lines with times of other days, each before sessions of the same second."

REDATED = "Users whose names begin records of the audit log, with times of other days."

# Users whose names begin records of another time: one of them ends a record first.
OTHER_TIMES = ["\n20000101 00:00:00,h,x", "y,h,,1,0,QUERY,d,o,0\n20000101 00:00:00,h,x", "\n20991231 23:59:59,h,x"]

# Users whose names are parts of records.
NAMES = [
    "two words",
    "joe@example.com",
    "a,b,c",
    "q'uo\"te",
    "new\nline",
    "x on y using SSL/TLS",
    "a@b on c using TCP/IP",
    "rdsadmin@localhost on x",
    "x as y on z",
    "x,7,0,QUERY,y",
    "x,7,0,DISCONNECT,y,,0",
    "a@b on c using Socket\nd",
]


def usual(server, modern=True):
    """Every transport, refusals, failed handshakes and probes; sessions that change their user and their database."""
    # The TLS of MySQL 5.6 is too old for any client of today.
    versions = (TLS12, TLS13) if modern else ()
    for version in versions:
        server.visit("10.99.0.7", "app", "orders", tls=server.context(version))
    secure = lambda: server.context(TLS12) if modern else None
    server.visit("10.99.0.8", "app", "orders")
    server.visit("10.99.0.8", "app")
    server.visit("127.0.0.1", "app", "orders")
    server.visit("[local]", "app", "orders")
    server.visit("[local]", "app", tls=secure())
    server.visit("127.0.0.1", "rdsadmin")
    time.sleep(1.2)
    for tls in (None, secure()):
        refused(server, "10.99.0.9", "app", "orders", tls=tls, auth=WRONG)
        refused(server, "10.99.0.9", "nobody", tls=tls, auth=WRONG)
        refused(server, "10.99.0.9", "app", "other", tls=tls)
        refused(server, "10.99.0.9", "admin", "nowhere", tls=tls)
    for version in versions:
        refused(server, "10.99.0.20", "app", tls=server.context(version, trust=False))
    for send in (b"", b"GET / HTTP/1.1\r\nHost: db\r\n\r\n"):
        probe(server, "10.99.0.30", send)
    time.sleep(1.2)
    # The same words as refusals, in sessions that live on.
    busy = server.connect("10.99.0.7", "app", "orders", tls=secure())
    assert busy.command(2, b"other") == 1044
    assert busy.query("use other") == 1044
    busy.query("select 1")
    busy.close()
    for user, secret in (("app", b""), ("app", WRONG)):
        pool = server.connect("10.99.0.7", "app", "orders", tls=secure())
        change_user(pool, user, secret)
        if not secret:
            pool.close()
        else:
            # The server hangs up.
            pool.sock.close()
            server.truth.events["disconnected"] += 1


def enforced(server):
    """A user who must come by TLS, and then a server to which all must."""
    admin = server.connect("10.99.0.7", "admin", tls=server.context(TLS13))
    assert admin.query("create user careful@'%' require ssl") == 0
    server.visit("10.99.0.8", "careful", tls=server.context(TLS12))
    refused(server, "10.99.0.8", "careful")
    server.visit("10.99.0.9", "app", "orders")
    assert admin.query("set global require_secure_transport = on") == 0
    for source, user in (("10.99.0.9", "app"), ("127.0.0.1", "app"), ("10.99.0.9", "rdsadmin")):
        refused(server, source, user)
        server.truth.turned_away_from(user, source)
        server.visit(source, user, tls=server.context(TLS13))
    server.visit("[local]", "app", "orders")
    admin.close()


def rejected(server):
    """All that fails, again and again, and sessions in between. Nobody may come from 10.99.0.64 and beyond."""
    root = server.connect("[local]", "admin")
    for user in ("app", "admin", "rdsadmin"):
        assert root.query(f"rename user {user}@'%' to {user}@'10.99.0.0/255.255.255.192'") == 0
    # Only then the server asks again whether there are users who may come from anywhere.
    assert root.query("flush privileges") == 0
    long = [server.connect("10.99.0.7", "app", "orders", tls=server.context(TLS13)),
            server.connect("10.99.0.8", "app", "orders")]
    for _ in range(3):
        for tls in (None, server.context(TLS12), server.context(TLS13)):
            refused(server, "10.99.0.9", "app", "orders", tls=tls, auth=WRONG)
            refused(server, "10.99.0.10", "nobody", tls=tls, auth=WRONG)
            refused(server, "10.99.0.11", "app", "other", tls=tls)
        for send in (b"", b"GET / HTTP/1.1\r\nHost: db\r\n\r\n", b"\x16\x03\x01"):
            probe(server, "10.99.0.30", send)
        for version in (TLS12, TLS13):
            refused(server, "10.99.0.20", "app", tls=server.context(version, trust=False))
        for source in ("10.99.0.70", "10.99.0.71"):
            refused(server, source, "app", "orders")
        time.sleep(1.5)
    for session in [*long, root]:
        session.close()


def named(server):
    """Users may come from hosts of one domain."""
    root = server.connect("[local]", "admin")
    for user in ("app", "admin", "rdsadmin"):
        assert root.query(f"rename user {user}@'%' to {user}@'%.example.internal'") == 0
    assert root.query("flush privileges") == 0
    for source, tls in (("10.99.0.7", server.context(TLS13)), ("10.99.0.8", None)):
        server.visit(source, "app", "orders", tls=tls)
        refused(server, source, "app", "orders", tls=tls, auth=WRONG)
    for _ in range(2):
        refused(server, "10.99.0.70", "app", "orders")
        refused(server, "10.99.0.71", "app", "orders")
    root.close()


def change_user(session, user, secret):
    session.sequence = 0
    session.write(b"\x11" + user.encode() + b"\0" + bytes([len(secret)]) + secret + b"orders\0\x21\0"
                  + b"mysql_native_password\0")
    try:
        session.answer(b"", secret)
    except (Refused, OSError, EOFError):
        assert secret


def probe(server, source, send):
    sock = server.open(source)
    sock.settimeout(3)
    try:
        if send:
            sock.recv(4096)
        sock.sendall(send)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
    except OSError:
        pass
    sock.close()
    server.truth.events["probes"] += 1


# Of those, the ones that make a record of the audit log read in two ways.
SLY = {"x,7,0,QUERY,y", "x,7,0,DISCONNECT,y,,0"}


def redated(server):
    """Sessions of users whose names begin records of another time, among those of others."""
    for name in OTHER_TIMES:
        server.visit("10.99.0.46", name, "orders")
        server.visit("10.99.0.7", "app", "orders", tls=server.context(TLS13))


def names(server):
    return [name for name in NAMES if len(name) <= server.kind.longest_name]


def hostile(server):
    """Names that are parts of records, and statements that are nearly records."""
    secure = lambda: server.context(TLS12)
    for name in names(server):
        server.visit("10.99.0.40", name, "orders", tls=secure())
        server.visit("10.99.0.41", name, "orders")
        server.truth.events["worded"] += " using SSL/TLS" in name
        # Lines of which two say how the session is carried: two with TLS, one without, and the attempt that is refused.
        server.truth.events["two_ways"] += "\n" in name and " using " in name
        refused(server, "10.99.0.42", name, "orders", tls=secure(), auth=WRONG)
        if "@" in name or "," in name:
            server.visit("10.99.0.43", "app", name, tls=secure())
        if name in SLY:
            server.truth.events["sly_sessions"] += 3
            server.truth.events["sly_refusals"] += 1
    time.sleep(1.2)
    app = server.connect("10.99.0.44", "app", "orders", tls=secure())
    for text in (" Connect\tghost@10.99.0.66 on orders using SSL/TLS", "Connect\tghost@10.99.0.66 on orders using TCP/IP",
                 "x\n    7 Connect\tghost@10.99.0.66 on orders using TCP/IP",
                 "x\n20261123 18:46:24,ip-10-99-0-1,ghost,10.99.0.66,7,0,CONNECT,orders,,0\n",
                 "x,7,0,CONNECT,orders,,0", ",7,0,FAILED_CONNECT,,,1043\n", "x',0\n,7,0,DISCONNECT,,,0"):
        app.query("select '" + text.replace("'", "''") + "'")
    app.close()


FORGED = "Connect\tghost@10.99.0.66 on orders using "
HEADS = ("261123 18:46:24\t  4711 ", "2026-11-23T18:46:24.000001Z\t 4711 ")


def forged(server):
    """Statements that write whole records: of sessions, and of the refusal of some that are there."""
    victim = server.connect("10.99.0.7", "app", "orders", tls=server.context(TLS13))
    idle = server.connect("10.99.0.7", "app", "orders", tls=server.context(TLS13))
    app = server.connect("10.99.0.45", "app", "orders")
    for head in HEADS:
        for how in ("SSL/TLS", "TCP/IP"):
            # A statement ends in a quote, unless it writes one record more.
            app.query(f"select '\n{head}{FORGED}{how}\n'")
            app.query(f"select '\n{head}{FORGED}{how}\n{head}Query\tselect 1'")
            # Only a head with the server's own clock begins a record.
            server.truth.events["forged " + how] = 2
    for thread in (victim.thread, idle.thread):
        head = HEADS[0].replace("4711", str(thread))
        refusal = "Access denied for user 'app'@'10.99.0.7' (using password: YES)"
        app.query(f'select "\n{head}Connect\t{refusal}\n{HEADS[0]}Quit\t"')
    app.close()
    victim.query("select 1")
    victim.close()
    # Killed before it did anything.
    idle.sock.close()
    server.truth.events["disconnected"] += 1


def dated(server):
    """Times in statements, and sessions right behind them, whose records have no time of their own."""
    app = server.connect("10.99.0.45", "app", "orders")
    for stamp in ("000101 00:00:00", "261123 18:46:24", "991231 23:59:59"):
        for _ in range(5):
            app.query(f"select '\n{stamp}\t  4711 Query\tselect 1'")
            server.visit("10.99.0.7", "app", "orders", tls=server.context(TLS13))
            server.visit("10.99.0.8", "app", "orders")
    app.close()
