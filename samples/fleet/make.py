#!/usr/bin/env python3
"""Writes the logs of the small fleet that are not PostgreSQL's: records of the samples beside it, at new times.

The PostgreSQL servers of the fleet ran for three days under a shifted clock (samples/postgres/make.py). Of other engines
there are records of minutes; here each is written again in every hour. Writes samples/<engine>/fleet/<instance>/.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
HOURS = [BEGIN + timedelta(hours=hour) for hour in range(72)]


def records(sample, *marks):
    """The lines of a sample that hold one of the marks, one for each mark."""
    lines = (SAMPLES / sample).read_text().splitlines()
    return [next(line for line in lines if mark in line) for mark in marks]


def at(hour, record):
    """When a record of an hour is written, by its place among them."""
    return hour + timedelta(minutes=2 + 18 * record, seconds=7)


def write(path, lines):
    path = SAMPLES / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def audit(instance, marks):
    """Files that were renamed as they filled, a day each. Every session ends a second after it began."""
    sessions = [record.split(",", 1)[1].split(",") for record in records("mysql/audit-8.0/server_audit.log", *marks)]
    for day in range(3):
        lines = []
        for number, hour in enumerate(HOURS[24 * day : 24 * day + 24]):
            for place, fields in enumerate(sessions):
                fields[3] = str(24 * len(sessions) * day + len(sessions) * number + place)
                for second, operation in enumerate(["CONNECT", "DISCONNECT"]):
                    fields[5] = operation
                    time = at(hour, place) + timedelta(seconds=second)
                    lines.append(f"{time:%Y%m%d %H:%M:%S},{','.join(fields)}")
        name = "server_audit.log" if day == 2 else f"server_audit.log.{2 - day}"
        write(f"mysql/fleet/{instance}/audit/{name}", lines)


def general(instance):
    """The hourly files of one day: no more is kept."""
    heading = (SAMPLES / "mariadb/10.11-usual/mysql-general.log").read_text().splitlines()[:3]
    system = "rdsadmin@127.0.0.1"
    marks = [system, "app@10.99.0.8 on orders using TCP/IP", system, system]
    sessions = [record.split("\t")[-1] for record in records("mariadb/10.11-usual/mysql-general.log", *marks)]
    for number, hour in enumerate(HOURS[48:]):
        lines = list(heading)
        for place, client in enumerate(sessions):
            session = 3 + len(sessions) * number + place
            lines += [f"{at(hour, place):%y%m%d %H:%M:%S}\t{session:>6} Connect\t{client}", f"\t\t{session:>6} Quit\t"]
        ending = "" if number == 23 else f".{hour:%Y-%m-%d.%H}"
        write(f"mariadb/fleet/{instance}/general/mysql-general.log{ending}", lines)


def aurora_audit(instance):
    """What is kept is one day's, too."""
    [session] = records("mysql/aurora-audit/audit.log", ",20,0,CONNECT")
    times = [at(hour, 0).timestamp() for hour in HOURS[48:]]
    lines = [f"{int(time) * 1_000_000},{session.split(',', 1)[1]}" for time in times]
    write(f"mysql/fleet/{instance}/audit/audit.log.0.2026-11-22-00-00.0", lines)


def listener(instance):
    """A session an hour without TLS, one of AWS, and each night one with TLS."""
    marks = ["(PROTOCOL=TCP)(HOST=10.20.0.32)", "(HOST=127.0.0.1)", "(HOST=10.20.0.8)"]
    *hourly, nightly = [record.split(" * ", 1)[1] for record in records("oracle/text/listener.log", *marks)]
    lines = []
    for hour in HOURS:
        for place, session in enumerate([*hourly, nightly] if hour.hour == 2 else hourly):
            time = at(hour, place)
            lines += [f"{time:%Y-%m-%dT%H:%M:%S}.007919+00:00", f"{time:%d-%b-%Y %H:%M:%S} * {session}".replace("Nov", "NOV")]
    write(f"oracle/fleet/{instance}/listener/listener.log", lines)


def error_log(instance):
    """The beginning of the sample, at the fleet's time, and a login every hour."""
    [login] = records("sqlserver/logins/ERROR", "Login succeeded for user 'app'")
    heading = (SAMPLES / "sqlserver/logins/ERROR").read_text().splitlines()[:8]
    lines = [line.replace("2026-11-23 10:", "2026-11-20 00:") for line in heading]
    lines += [f"{at(hour, 0):%Y-%m-%d %H:%M:%S}.24 {login.split(' ', 2)[2]}" for hour in HOURS]
    write(f"sqlserver/fleet/{instance}/log/ERROR", lines)


audit("shop", ["app,10.1.0.7,20,0,CONNECT", "10.1.0.8,21,0,CONNECT", "mysql,,0,SOCKET"])
audit("intranet", ["10.1.0.8,21,0,CONNECT", "mysql,,0,SOCKET"])
general("forum")
aurora_audit("loyalty-1")
listener("stock")
error_log("payroll")
