"""A PostgreSQL client that keeps count of what it did.

It speaks the wire protocol itself, so that it can send what no driver would: names with newlines, half a handshake,
an alert of its choice. Whether a session is TLS, its version and its cipher are what this side negotiated; the
server's log is never looked at.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import struct
import subprocess
from collections import Counter

from common import Refused

SYSTEM_USERS = {"rdsadmin"}
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSS_REQUEST = struct.pack("!ii", 8, 80877104)
PROTOCOL_3 = 196608


class Truth:
    """What the clients did, in the words of truth.toml."""

    def __init__(self):
        self.connections = Counter()
        self.system = Counter()
        self.unlogged = Counter()
        self.events = Counter()
        self.tls_versions = Counter()
        self.ciphers = Counter()
        self.clients = {}
        # Whether the server is set to write these at all.
        self.logs_sessions = True
        self.logs_arrivals = True
        self.logs_ends = True

    def received(self):
        self.events["received"] += self.logs_arrivals

    def connected(self, user, address, transport, version=None, cipher=None):
        if not self.logs_sessions:
            self.unlogged[transport] += 1
            return
        if user in SYSTEM_USERS:
            self.system[transport] += 1
            return
        self.connections[transport] += 1
        self.clients.setdefault((user, address), Counter())[transport] += 1
        if transport == "tls":
            self.tls_versions[version] += 1
            self.ciphers[cipher] += 1

    def disconnected(self):
        self.events["disconnected"] += self.logs_ends

    def rejected(self):
        self.events["rejected"] += 1

    def handshake_failed(self, certificate=False):
        self.events["handshake_failed"] += 1
        self.events["certificate_rejected"] += certificate


def is_local(address):
    return address == "[local]" or address == "::1" or address.startswith("127.")


class Network:
    """Where the server listens, and whose certificates are trusted."""

    def __init__(self, truth, port, sockets, certificates, server="10.99.0.1"):
        self.truth, self.port, self.sockets, self.certificates, self.server = truth, port, sockets, certificates, server

    def open(self, source):
        """A transport connection from `source`: an address of this machine, or `[local]` for the socket."""
        if source == "[local]":
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(20)
            sock.connect(f"{self.sockets}/.s.PGSQL.{self.port}")
        else:
            target = {"127": "127.0.0.1", "::1": "::1", "fd9": "fd99::1"}.get(source[:3], self.server)
            sock = socket.create_connection((target, self.port), timeout=20, source_address=(source, 0))
        self.truth.received()
        return sock

    def context(self, version=None, trust=True, ciphers=None, alpn=False, client=None, oldest=None):
        """What the client's side of TLS accepts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = trust == "name"
        context.load_verify_locations(self.certificates / ("ca.crt" if trust else "other-ca.crt"))
        if oldest:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = oldest
        if version:
            context.minimum_version = min(context.minimum_version, version)
            context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        if alpn:
            context.set_alpn_protocols(["postgresql"])
        if client:
            context.load_cert_chain(self.certificates / f"{client}.crt", self.certificates / f"{client}.key")
        return context

    def probe(self, source, send=b"", reset=False, tls_answer=False):
        """Connects, sends bytes that are no session, and leaves."""
        sock = self.open(source)
        try:
            if tls_answer:
                sock.sendall(SSL_REQUEST)
                assert sock.recv(1) == b"S"
            sock.sendall(send)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
                return
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        except OSError:
            pass
        finally:
            sock.close()

    def alert(self, source, number):
        """A TLS 1.2 client that answers the server's certificate with this alert."""
        sock = self.open(source)
        sock.sendall(SSL_REQUEST)
        assert sock.recv(1) == b"S"
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context(version=ssl.TLSVersion.TLSv1_2).wrap_bio(incoming, outgoing, server_hostname="db")
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
        sock.recv(16384)
        sock.sendall(bytes([0x15, 3, 3, 0, 2, 2, number]))
        drain(sock)
        self.truth.handshake_failed(certificate=number in (42, 43, 44, 45, 46, 48))

    def psql(self, user, password, mode, database="orders"):
        """libpq itself. It tells its transport, and each of its attempts that the server refused."""
        target = f"host={self.server} port={self.port} user={user} dbname={database} sslmode={mode} connect_timeout=10"
        result = subprocess.run(
            ["psql", "-X", "-d", target, "-c", "\\conninfo"],
            env={"PGPASSWORD": password, "PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True, text=True, timeout=30, check=False,
        )
        refusals = result.stderr.count("FATAL:  password authentication failed")
        for _ in range(refusals + (result.returncode == 0)):
            self.truth.received()
        for _ in range(refusals):
            self.truth.rejected()
        if result.returncode == 0:
            tls = re.search(r"SSL connection \(protocol: ([^,]+), cipher: ([^,]+)", result.stdout)
            how = ("tls", *tls.groups()) if tls else ("plaintext",)
            self.truth.connected(user, self.server, *how)
            self.truth.disconnected()
        elif not refusals:
            raise RuntimeError(result.stderr)


def drain(sock):
    try:
        while sock.recv(4096):
            pass
    except OSError:
        pass
    sock.close()


class Session:
    """One attempt to connect, and the session that comes of it."""

    def __init__(self, network, source, user, database="orders", application=None, tls=None, password=None,
                 replication=None, direct=False, gss_first=False, ends_as=None):
        self.truth, self.source, self.user, self.password = network.truth, source, user, password
        self.ready = self.ended = False
        self.sock = network.open(source)
        if gss_first:
            self.sock.sendall(GSS_REQUEST)
            assert self.sock.recv(1) == b"N"
        if tls:
            self.handshake(tls, direct)
        parameters = {"user": user, "database": database, "application_name": application, "replication": replication}
        text = b"".join(as_bytes(key) + b"\0" + as_bytes(value) + b"\0"
                        for key, value in parameters.items() if value is not None)
        self.sock.sendall(struct.pack("!ii", len(text) + 9, PROTOCOL_3) + text + b"\0")
        self.authenticate()

    def handshake(self, context, direct):
        if not direct:
            self.sock.sendall(SSL_REQUEST)
            answer = self.sock.recv(1)
            assert answer == b"S", answer
        plain = self.sock
        try:
            self.sock = context.wrap_socket(plain, server_hostname="db.example.internal")
        except ssl.SSLCertVerificationError:
            self.truth.handshake_failed(certificate=True)
            drain(plain)
            raise
        except (ssl.SSLError, OSError):
            self.truth.handshake_failed()
            drain(plain)
            raise

    def transport(self):
        if isinstance(self.sock, ssl.SSLSocket):
            return ("tls", self.sock.version(), self.sock.cipher()[0])
        return ("local",) if is_local(self.source) else ("plaintext",)

    def authenticate(self):
        authenticated = False
        while True:
            kind, body = self.message()
            if kind == b"R":
                method = struct.unpack("!i", body[:4])[0]
                if method == 0:
                    authenticated = True
                    self.truth.connected(self.user, self.source, *self.transport())
                elif self.password is None:
                    # As psql does before it asks for the password.
                    self.sock.close()
                    return
                else:
                    self.answer(method, body[4:])
            elif kind == b"E":
                state, text = error(body)
                if not authenticated and state in ("28000", "28P01"):
                    self.truth.rejected()
                drain(self.sock)
                raise Refused(state, text)
            elif kind == b"K":
                self.pid = struct.unpack("!i", body[:4])[0]
            elif kind == b"Z":
                self.ready = True
                return

    def answer(self, method, data):
        password = as_bytes(self.password)
        if method == 3:
            self.send(b"p", password + b"\0")
        elif method == 5:
            inner = hashlib.md5(password + as_bytes(self.user)).hexdigest().encode()
            self.send(b"p", b"md5" + hashlib.md5(inner + data[:4]).hexdigest().encode() + b"\0")
        elif method == 10:
            self.nonce = base64.b64encode(os.urandom(18)).decode()
            first = f"n,,n=,r={self.nonce}".encode()
            self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
        elif method == 11:
            self.send(b"p", self.scram(password, data.decode()))

    def scram(self, password, server_first):
        """The client's final message of RFC 5802."""
        fields = dict(field.split("=", 1) for field in server_first.split(","))
        bare = f"c=biws,r={fields['r']}"
        salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        text = f"n=,r={self.nonce},{server_first},{bare}".encode()
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), text, "sha256")))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def message(self):
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack("!i", head[1:])[0] - 4)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                raise EOFError("the server closed the connection")
            data += piece
        return data

    def send(self, kind, body):
        self.sock.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def query(self, sql):
        """Runs a statement; an error of the statement is an answer like any other."""
        self.send(b"Q", as_bytes(sql) + b"\0")
        rows = []
        while True:
            kind, body = self.message()
            if kind == b"Z":
                return rows
            if kind == b"E" and b"\0SFATAL" not in b"\0" + body:
                rows.append(error(body))
            elif kind == b"D":
                rows.append(body[6:])

    def close(self):
        """Ends the session, and waits until the server's process has ended too."""
        if self.ready:
            self.truth.disconnected()
            self.ready = False
            self.send(b"X", b"")
            plain = self.sock
            try:
                while plain.recv(4096):
                    pass
            except OSError:
                pass
        self.sock.close()


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def error(body):
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return fields.get(b"C", ""), fields.get(b"M", "")
