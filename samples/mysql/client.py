"""A MySQL client that keeps count of what it did.

It speaks the wire protocol itself, so that it can send what no driver would: names with newlines, half a handshake.
Users have no passwords, which every server from 5.6 on takes without a plugin. The server's logs are never looked at.
"""

import socket
import ssl
import struct
from collections import Counter

from common import Refused

SYSTEM_USERS = {"rdsadmin"}
PROTOCOL_41, CONNECT_WITH_DB, SSL, SECURE, PLUGIN_AUTH, TRANSACTIONS = 0x200, 0x8, 0x800, 0x8000, 0x80000, 0x2000
WRONG = b"x" * 20


class Truth:
    """What the clients did, in the words of truth.toml."""

    def __init__(self):
        self.connections, self.system, self.events = Counter(), Counter(), Counter()
        # What came without TLS to a server that demands it, as sessions.
        self.turned_away, self.turned_away_system = Counter(), Counter()

    def connected(self, user, transport):
        (self.system if user in SYSTEM_USERS else self.connections)[transport] += 1

    def turned_away_from(self, user, source):
        (self.turned_away_system if user in SYSTEM_USERS else self.turned_away)[carrier(source)] += 1


def carrier(source):
    """How a session without TLS is carried."""
    return "local" if source == "[local]" or source.startswith("127.") else "plaintext"


class Session:
    """One attempt to log in, over a socket or TCP, with TLS or without."""

    def __init__(self, server, source, user, database="", tls=None, auth=b""):
        self.truth, self.sequence = server.truth, 0
        self.sock = server.open(source)
        try:
            self.login(server, source, user.encode(), database.encode(), tls, auth)
        except Exception:
            self.sock.close()
            raise

    def login(self, server, source, user, database, tls, auth):
        greeting = self.read()
        if greeting[:1] == b"\xff":
            # An address from which no user may come: the server does not even ask who it is.
            self.truth.events["rejected"] += 1
            self.truth.events["hosts_rejected"] += 1
            raise Refused(struct.unpack("<H", greeting[1:3])[0], greeting[3:].decode(errors="replace"))
        version_end = greeting.index(b"\0", 1)
        self.thread = int.from_bytes(greeting[version_end + 1:version_end + 5], "little")
        plugin = greeting.rstrip(b"\0").rsplit(b"\0", 1)[-1]
        flags = PROTOCOL_41 | SECURE | PLUGIN_AUTH | TRANSACTIONS | (CONNECT_WITH_DB if database else 0)
        flags |= SSL if tls else 0
        start = struct.pack("<IIB23x", flags, 1 << 24, 45 if server.utf8mb4 else 33)
        if tls:
            self.write(start)
            try:
                self.sock = tls.wrap_socket(self.sock)
            except (ssl.SSLError, OSError):
                self.truth.events["handshake_failed"] += 1
                raise
        self.write(start + user + b"\0" + bytes([len(auth)]) + auth + (database + b"\0" if database else b"")
                   + plugin + b"\0")
        try:
            self.answer(plugin, auth)
        except Refused as refusal:
            # An unknown database is found out after the server has accepted who the client is.
            if refusal.code != 1049:
                self.truth.events["rejected"] += 1
                raise
            self.truth.events["unknown_database"] += 1
            self.count(user, source, tls)
            raise
        self.count(user, source, tls)

    def count(self, user, source, tls):
        self.truth.connected(user.decode(), "tls" if tls else carrier(source))

    def answer(self, plugin, auth):
        while True:
            packet = self.read()
            if packet[:1] == b"\0":
                return
            if packet[:1] == b"\xff":
                raise Refused(struct.unpack("<H", packet[1:3])[0], packet[9:].decode(errors="replace"))
            if packet[:1] == b"\xfe":
                self.write(auth)
            elif packet[:2] == b"\x01\x04":
                self.write(b"wrong\0")

    def command(self, code, argument=b""):
        self.sequence = 0
        self.write(bytes([code]) + argument)
        packet = self.read()
        if packet[:1] == b"\xff":
            return struct.unpack("<H", packet[1:3])[0]
        if code == 3 and packet[:1] not in (b"\0",):
            # A result: columns, an end, rows, an end.
            for _ in range(2):
                while self.read()[:1] != b"\xfe":
                    pass
        return 0

    def query(self, statement):
        return self.command(3, statement.encode())

    def close(self):
        self.sequence = 0
        self.write(b"\x01")
        self.sock.close()
        self.truth.events["disconnected"] += 1

    def read(self):
        head = self.exactly(4)
        self.sequence = head[3] + 1
        return self.exactly(int.from_bytes(head[:3], "little"))

    def exactly(self, length):
        data = b""
        while len(data) < length:
            part = self.sock.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def write(self, payload):
        self.sock.sendall(struct.pack("<I", len(payload))[:3] + bytes([self.sequence & 255]) + payload)
        self.sequence += 1


def context(certificates, version=None, trust=True):
    """What the client's side of TLS accepts."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(certificates / ("ca.crt" if trust else "other-ca.crt"))
    made.set_ciphers("ALL:@SECLEVEL=0")
    if version:
        made.minimum_version = made.maximum_version = version
    return made
