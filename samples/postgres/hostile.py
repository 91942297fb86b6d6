"""Clients that try to write records of sessions that never were, or to hide those that are."""

from client import Session
from common import Refused

CIPHER = "TLS_AES_256_GCM_SHA384"
MARK = " SSL enabled (protocol=TLSv1.3, cipher=FAKE, bits=256)"
# A perfect record of RDS's prefix, and of its second one.
AUTHORIZED = "connection authorized: user=ghost database=orders application_name=x" + MARK
SESSION = "2026-11-23 10:00:07 UTC:10.99.0.66(4711):ghost@orders:[4711]:LOG:  " + AUTHORIZED
SESSION_LONG = ("2026-11-23 10:00:07.123 UTC:10.99.0.66(4711):ghost@orders:[4711]:3:00000:2026-11-23 10:00:07 UTC:3/1:0:"
                "6924dca7.1267:[unknown]LOG:  " + AUTHORIZED)
SESSION_COLON = SESSION_LONG.replace("[unknown]LOG:", "[unknown]:LOG:")
CSV = (f'2026-11-23 10:00:07.123 UTC,"ghost","orders",4711,"10.99.0.66:4711",6924dca7.1267,3,"authentication",'
       f'2026-11-23 10:00:07 UTC,3/1,0,LOG,00000,"{AUTHORIZED}",,,,,,,,,"","client backend",,0')
JSON = (f'{{"timestamp":"2026-11-23 10:00:07.123 UTC","user":"ghost","dbname":"orders","pid":4711,"remote_host":'
        f'"10.99.0.66","remote_port":4711,"ps":"authentication","error_severity":"LOG","message":"{AUTHORIZED}"}}')

# Names are cut at 63 bytes.
NAMES = [
    "two words",
    'q"uote',
    "joe@example.com",
    "at@colon:[1]:",
    "paren(7)",
    "x database=y application_name=z",
    "x database=y SSL enabled (protocol=TLSv1.3, cipher=F, bits=1)",
    "a,\"b\",c",
    "new\nline",
    "LOG:  connection authorized: user=ghost database=orders",
]
# With these, a stderr log holds lines that can be read in two ways.
TWO_READINGS = [
    "x:[1]:LOG:  y",
    "x\n2026-11-23 10:00:07 UTC:[local]:rdsadmin",
    "x\n2026-11-23 10:00:07 UTC:10.99.0.66(1):a@b:[9]:LOG:  ",
    "x\n2026-11-23 10:00:07 UTC::@:[9]:LOG:  connection authorized: u",
]


def attempt(server, *where, **how):
    try:
        server.visit(*where, **how)
    except Refused:
        pass


def everything(server):
    names(server)
    applications(server)
    statements(server)


def two_readings(server):
    """Names that no reader of a stderr log can make out; csv and json quote them."""
    n = server.network
    server.visit("10.99.0.40", "app", tls=n.context())
    for name in TWO_READINGS:
        # No role has this name; the session is authorized, and only then found to be impossible.
        attempt(server, "10.99.0.41", name, tls=n.context())
        attempt(server, "10.99.0.42", name)
        attempt(server, "10.99.0.42", "app", name)
        # Never authenticated.
        attempt(server, "10.99.0.200", "app", name)
    sly = server.connect("10.99.0.43", "app")
    sly.query("set application_name = '[unknown]LOG:  connection authorized: user=app database=orders'")
    sly.query(f"select 1/0 --{MARK}")
    sly.close()
    server.visit("10.99.0.40", "app")


class Waiting:
    """A network in which a client arrived before it says who it is."""

    def __init__(self, network, source):
        self.truth, self.sock = network.truth, network.open(source)

    def open(self, _):
        return self.sock


def taken_back(server):
    """Right behind the record of a session, one of a client that is not logged in, whose name reads as the end of that record's
    prefix and as the context of `RAISE LOG`; and names that read as records in German."""
    n = server.network
    for tls in (n.context(), None):
        for end in ("\n", "\n2026-11-23 10:00:07 UTC:h:x"):
            waiting = Waiting(n, "10.99.0.7")
            victim = server.connect("10.99.0.7", "app", tls=tls)
            try:
                Session(waiting, "10.99.0.7", f"app@orders:[{victim.pid}]:CONTEXT:  {end}")
            except Refused:
                pass
            victim.close()
    for name in ("LOG:  Verbindung autorisiert: Benutzer=", "x@y:[1]:LOG:  Verbindung autorisiert: Benutzer=x",
                 "x@y:[1]:LOG:  Verbindung empfangen: Host=\n"):
        attempt(server, "10.99.0.200", name, tls=n.context())


def raised(server):
    """Records that look like those of sessions, from `RAISE LOG` with a detail, a hint or both before the context."""
    session = server.connect("10.99.0.8", "app")
    for message in ("connection received: host=10.99.0.7 port=40000", AUTHORIZED,
                    "disconnection: session time: 9:00:00.000 user=app database=orders host=10.99.0.7 port=40000"):
        for using in ("", "detail = 'x'", "detail = ''", "hint = 'x'", "detail = E'x\\ny', hint = 'z'"):
            session.query(f"do $$begin raise log '{message}'{' using ' if using else ''}{using}; end$$")
    session.close()


def names(server):
    n = server.network
    admin = server.connect("[local]", "admin")
    for name in NAMES:
        quoted = '"' + name.replace('"', '""') + '"'
        admin.query(f"create role {quoted} login")
        admin.query(f"create database {quoted}")
    admin.close()
    for name in NAMES:
        server.visit("10.99.0.40", name, "orders", tls=n.context())
        server.visit("10.99.0.41", "app", name)
        attempt(server, "10.99.0.200", name, name)


def applications(server):
    n = server.network
    for tls in (None, n.context()):
        for name in (f"x{MARK} y", "x SSL enabled (protocol=TLSv1.3, cipher=FAKE", "GSS (encrypted)", "a\nb\t\x01",
                     "LOG:  " + AUTHORIZED + "."):
            server.visit("10.99.0.43", "app", application=name, tls=tls)
    if server.settings["log_line_prefix"].endswith(("%a", "%a:")):
        # The name becomes a part of the prefix, and the statement the rest of the record.
        colon = ":" if server.settings["log_line_prefix"].endswith(":") else ""
        sly = server.connect("10.99.0.43", "app")
        sly.query(f"set application_name = '{colon}LOG:  connection authorized: user=app database=orders'")
        sly.query(f"select 1/0 --{MARK}")
        sly.close()


def statements(server):
    log_all = server.connect("10.99.0.44", "admin", tls=server.network.context())
    log_all.query("set log_statement = 'all'")
    more = [SESSION_COLON] if server.settings["log_line_prefix"].endswith("%a:") else []
    for line in (SESSION, SESSION_LONG, CSV, JSON, *more):
        log_all.query("select 1 as a, '\n" + line.replace("'", "''") + "\n'")
    log_all.close()
    app = server.connect("10.99.0.45", "app")
    for between in ("\n", "\r\x0b\x0c\u0085\u2028", '\n"'):
        app.query(f"oops{between}{SESSION}")
    own = AUTHORIZED.replace("ghost", "app")
    for text in (own, AUTHORIZED, f"x\n{SESSION}", f"x\n{CSV}", f"x\n{JSON}", '","' + AUTHORIZED,
                 "connection received: host=10.99.0.66 port=4711",
                 "could not accept SSL connection: tlsv1 alert unknown ca",
                 "disconnection: session time: 0:00:00.001 user=app database=orders host=10.99.0.45 port=1",
                 'no pg_hba.conf entry for host "10.99.0.66", user "ghost", database "orders", SSL encryption',
                 "FATAL:  no pg_hba.conf entry for host"):
        quoted = text.replace("'", "''")
        app.query(f"do $x$ begin raise log '%', '{quoted}'; end $x$")
    app.query(f"do $x$ begin raise exception 'x' using detail = '{SESSION}', hint = e'\\n{SESSION}'; end $x$")
    app.query(f'select * from "{own[:60]}"')
    app.query("do $x$ begin raise log e'FATAL:  password authentication failed for user \"ghost\"'; end $x$")
    app.close()
