#!/usr/bin/env python3
"""Makes the real samples of this folder: `make.py [CASE...]`, as root.

Needs openssl, and in `target/servers` the servers that server.py names. The counts of truth.toml are what the clients did.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent

import case
import deeds
from server import MySql, OldMySql, Server, enter

USUAL = "Sessions of every transport, refusals, failed handshakes, probes, changes of user and database."
CASES = {
    "5.6-usual": (OldMySql, lambda server: deeds.usual(server, modern=False), USUAL),
    "9.7-usual": (MySql, deeds.usual, USUAL),
    "9.7-hostile": (MySql, deeds.hostile, "Users and databases whose names are parts of records; statements that are nearly records."),
}


def main():
    wanted = set(sys.argv[1:]) or set(CASES)
    enter()
    for name in sorted(wanted):
        kind, act, about = CASES[name]
        server = Server(name, kind())
        server.set_up(deeds.names(server) if act is deeds.hostile else [])
        act(server)
        server.stop()
        case.write(HERE / name, "mysql", server, about, [case.general(server.truth, marked=kind is not OldMySql)])


main()
