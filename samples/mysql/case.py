"""Makes cases: the logs, what the clients did, and what each log can show of it."""

import shutil
import sys

import deeds
from server import Server, enter


def make(folder, cases, differs):
    """Makes the cases that the command line names, or all: for each the server, what is done to it, and words on that.

    `differs` tells what each log of a server shows otherwise.
    """
    wanted = sorted(set(sys.argv[1:]) or cases)
    enter({kind for kind, _, _ in map(cases.get, wanted)})
    for name in wanted:
        kind, act, about = cases[name]
        server = Server(name, kind)
        server.set_up({deeds.hostile: deeds.names(server), deeds.redated: deeds.OTHER_TIMES}.get(act, []))
        act(server)
        server.stop()
        write(folder / name, folder.name, server, about, differs(server))


def table(counts):
    return "{ " + ", ".join(f"{name} = {count}" for name, count in sorted(counts.items()) if count) + " }"


def general(truth, marked=True, turned_away="a refusal"):
    """What the general log shows otherwise, and what it shows of who came without TLS to a server that demands it."""
    forged = truth.events["forged TCP/IP"]
    connections = truth.connections.copy()
    values = ["handshake_failed = 0", "disconnected = 0"]
    away = sum((truth.turned_away + truth.turned_away_system).values()) if turned_away != "a refusal" else 0
    hosts = truth.events["hosts_rejected"]
    if away or hosts:
        values.append(f"rejected = {truth.events['rejected'] - away - hosts}")
    if away:
        if turned_away == "a session":
            connections += truth.turned_away
            values.append(f"system = {table(truth.system + truth.turned_away_system)}")
    if forged:
        connections["tls"] += truth.events["forged SSL/TLS"]
        connections["plaintext"] += truth.events["forged TCP/IP"]
        # Of the session that was idle, which counts all the same.
        values.append(f"rejected = {truth.events['rejected'] + 1}")
    if worded := truth.events["worded"]:
        connections["plaintext"] -= worded
        connections["tls"] += worded
    if two_ways := truth.events["two_ways"]:
        connections["plaintext"] -= two_ways
        connections["tls"] -= 2 * two_ways
        values.append(f"unparsed = {4 * two_ways}")
    if not marked:
        connections = {"unknown": sum(connections.values())}
        values.append(f"system = {table({'unknown': sum(truth.system.values())})}")
    reasons = ["failed handshakes and ends are not read"]
    reasons += [] if marked else ["MySQL up to 5.6 does not say how a session is carried"]
    reasons += [f"of a client that was turned away for it has no TLS there is {turned_away}"] if away else []
    reasons += ["nor addresses from which no user may come"] if hosts else []
    reasons += ["a statement can write whole records"] if forged else []
    reasons += ["a name that holds the words for TLS counts as TLS"] if worded else []
    reasons += ["names with line breaks can read in two ways"] if two_ways else []
    return "general", "; ".join(reasons), [*values, f"connections = {table(connections)}"]


def audit(truth):
    """What MariaDB's audit log shows otherwise."""
    events = truth.events
    unknown = sum(truth.connections.values()) - events["unknown_database"] - events["sly_sessions"]
    refused = events["rejected"] + events["unknown_database"] - events["sly_refusals"]
    ends = unknown + sum(truth.system.values())
    # Every record of theirs, of which each session and each refusal has two.
    unparsed = 2 * (events["sly_sessions"] + events["sly_refusals"])
    reason = ("the log does not say how a session is carried; an unknown database is a refusal; names with commas can "
              "read in two ways")
    system = sum(truth.system.values())
    values = [f"connections = {table({'unknown': unknown})}", f"rejected = {refused}", f"disconnected = {ends}"]
    values += [f"system = {table({'unknown': system})}"] if system else []
    values += [f"unparsed = {unparsed}"] if unparsed else []
    return "audit", reason, values


def write(folder, engine, server, about, differs):
    """`differs` are tables for [[except]]: the format, the reason, and what it shows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for log in sorted(server.logs.iterdir()):
        shutil.copyfile(log, folder / log.name)
    truth = server.truth
    lines = ['origin = "real"', f'counted_by = "the clients that samples/{folder.parent.name}/make.py opened"',
             f'engine = "{engine}"', f'server_version = "{server.version}"']
    for name in ("disconnected", "rejected"):
        if truth.events[name]:
            lines.append(f"{name} = {truth.events[name]}")
    if failed := truth.events["handshake_failed"] + truth.events["probes"]:
        lines.append(f"handshake_failed = {failed}")
    for name in ("connections", "system"):
        if counts := getattr(truth, name):
            lines += ["", f"[{name}]", *(f"{key} = {counts[key]}" for key in sorted(counts))]
    for formats, reason, values in differs:
        lines += ["", "[[except]]", f'formats = ["{formats}"]', f'reason = "{reason}"', *values]
    (folder / "truth.toml").write_text("\n".join(lines) + "\n")
    (folder / "README.md").write_text(f"# {folder.name}\n\n{about}\n\n{server.version}.\n\n"
                                      f"Made by `samples/{folder.parent.name}/make.py {folder.name}`.\n")
