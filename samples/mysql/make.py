#!/usr/bin/env python3
"""Makes the real samples of this folder: `make.py [CASE...]`, as root; see README.md.

The counts of truth.toml are what the clients did.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import case
import deeds
from server import MySql, OldMySql

OLD = OldMySql()
NEW = MySql("9.7", "sid", "mysql-server-core")
CASES = {
    "5.6-usual": (OLD, lambda server: deeds.usual(server, modern=False), deeds.USUAL),
    "9.7-usual": (NEW, deeds.usual, deeds.USUAL),
    "9.7-enforced": (NEW, deeds.enforced, deeds.ENFORCED),
    "9.7-hostile": (NEW, deeds.hostile, deeds.HOSTILE),
}

case.make(HERE, CASES, lambda server: [case.general(server.truth, server.kind is not OLD, "a session")])
