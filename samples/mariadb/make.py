#!/usr/bin/env python3
"""Makes the samples of this folder on real servers: `make.py [CASE...]`, as root; see ../mysql/README.md.

The counts of truth.toml are what the clients did.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "mysql"), str(HERE.parent)]

import case
import deeds
from server import MariaDb, NamingMariaDb

# The server's own package comes alone, for its audit plugin.
SERVERS = {
    "10.5": MariaDb("10.5", "bullseye", "mariadb-server-core-10.5", "mariadb-server-10.5"),
    "10.11": MariaDb("10.11", "bookworm", "mariadb-server-core", "mariadb-server"),
    "11.8": MariaDb("11.8", "trixie", "mariadb-server-core", "mariadb-server"),
}
DEEDS = {
    "usual": (deeds.usual, deeds.USUAL),
    "enforced": (deeds.enforced, deeds.ENFORCED),
    "hostile": (deeds.hostile, deeds.HOSTILE),
    "forged": (deeds.forged, deeds.FORGERIES),
}
# Every version writes these alike.
NAMING = NamingMariaDb("10.11", "bookworm", "mariadb-server-core", "mariadb-server")
ONCE = {
    "10.11-rejected": (SERVERS["10.11"], deeds.rejected, deeds.REJECTED),
    "10.11-dated": (SERVERS["10.11"], deeds.dated, deeds.DATED),
    "10.11-redated": (SERVERS["10.11"], deeds.redated, deeds.REDATED),
    "10.11-names": (NAMING, deeds.named, deeds.NAMED),
}
CASES = {f"{version}-{name}": (kind, *deed) for version, kind in SERVERS.items() for name, deed in DEEDS.items()} | ONCE


def differs(server):
    turned_away = "nothing" if server.kind is SERVERS["11.8"] else "a refusal"
    return [case.general(server.truth, turned_away=turned_away), case.audit(server.truth)]


case.make(HERE, CASES, differs)
