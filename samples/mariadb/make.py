#!/usr/bin/env python3
"""Makes the samples of this folder on a real server: `make.py [CASE...]`, as root.

Needs openssl and MariaDB 10.11 of Debian 12 with its audit plugin. The counts of truth.toml are what the clients did.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mysql"))

import case
import deeds
from server import MariaDb, Server, enter

CASES = {
    "10.11-usual": (deeds.usual, "Sessions of every transport, refusals, failed handshakes, probes, changes of user and database."),
    "10.11-hostile": (deeds.hostile, "Users and databases whose names are parts of records; statements that are nearly records."),
    "10.11-forged": (deeds.forged, "Statements that write whole records into the general log. They add sessions; one that was idle counts as refused."),
}


def main():
    wanted = set(sys.argv[1:]) or set(CASES)
    enter()
    for name in sorted(wanted):
        act, about = CASES[name]
        server = Server(name, MariaDb())
        server.set_up(deeds.names(server) if act is deeds.hostile else [])
        act(server)
        server.stop()
        case.write(HERE / name, "mariadb", server, about, [case.general(server.truth), case.audit(server.truth)])


main()
