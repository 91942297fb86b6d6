"""Collects an archive of logs into an evidence bundle on a Spark cluster; README.md beside this file describes it.

--objects reads events of CloudWatch Logs that are spread over many objects. `ssl-usage extract` reads each object, Spark
brings the events of each hour of a log group together, and `ssl-usage collect --events` reads them. --logs reads files
that RDS names: each task reads one shard of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from zlib import crc32

from pyspark import SparkFiles
from pyspark.sql import SparkSession

HOUR = 3_600_000
# Events so near to an hour decide which part of it is covered (21 minutes would do, see src/events/README.md).
NEAR = HOUR // 2


def run(program, arguments, data=None):
    """Runs a command to its end. Returns its status, 0 or 3 (something could not be read), and what it reports."""
    command = [SparkFiles.get(program), *arguments]
    done = subprocess.run(command, stdin=data or subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 3):
        raise RuntimeError(f"ssl-usage {arguments[0]} ended with status {done.returncode}: {errors}")
    return done.returncode, errors


def extract(row, program, tasks, hours):
    """Yields each line of an object with the task that needs it, and whether that task collects it."""
    with tempfile.TemporaryFile() as content:
        content.write(row.content)
        content.seek(0)
        name = row.path.removeprefix("file:")
        command = [SparkFiles.get(program), "extract", "--object", name, "-"]
        with subprocess.Popen(command, stdin=content, stdout=subprocess.PIPE) as process:
            yield from assign(process.stdout, tasks, hours)
    # A process that was killed has printed only a part of the events.
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{name}: ssl-usage extract ended with status {process.returncode}")


def assign(lines, tasks, hours):
    """Yields each line with the task that needs it, and whether that task collects it.

    A task also needs the times of events beside its hours: one event per minute, without its message.
    """
    marks = set()
    for line in lines:
        event = json.loads(line)
        if "source" not in event:
            # Events are missing, of any hour.
            yield from ((task, (False, line)) for task in range(tasks))
            continue
        group, at = event["source"].rsplit(":", 1)[0], event["timestamp"]
        blocks = (time // HOUR // hours for time in (at, at - NEAR, at + NEAR))
        own, *beside = (crc32(f"{group} {block}".encode()) % tasks for block in blocks)
        yield own, (True, line)
        for task in set(beside) - {own}:
            mark = (task, event["account"], event["region"], group, at // 60_000)
            if mark not in marks:
                marks.add(mark)
                yield task, (False, json.dumps({**event, "message": None}).encode() + b"\n")


def collect(lines, program, arguments):
    """Collects the events of a task. They are on disk first: a stream that breaks off looks like a whole one."""
    with tempfile.TemporaryFile() as events:
        own = 0
        for _, (is_own, line) in lines:
            own += is_own
            events.write(line)
        events.seek(0)
        if own:
            yield run(program, ["collect", "--events", "-", *arguments], events)


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    logs = parser.add_mutually_exclusive_group(required=True)
    logs.add_argument("--objects", metavar="URL", help="folder with objects of Firehose, export tasks or queries")
    logs.add_argument("--logs", metavar="PATH", help="folder with files that RDS names, which every executor can read")
    parser.add_argument("--output", metavar="BUNDLE", required=True, help="bundle with the inventory, to extend")
    parser.add_argument("--program", metavar="URL", required=True, help="the program ssl-usage, for Linux")
    parser.add_argument("--tasks", metavar="N", type=int, default=64, help="tasks that collect (64)")
    parser.add_argument("--hours", metavar="N", type=int, default=24, help="hours of a log group per task (24)")
    parser.add_argument("--unfiltered", nargs="?", const="true", help="no filter pattern left out events")
    options, others = parser.parse_known_args()
    # Glue adds arguments of its own.
    if others and "--JOB_NAME" not in others:
        parser.error(f"unknown arguments: {' '.join(others)}")
    program, tasks, hours = os.path.basename(options.program), options.tasks, options.hours
    arguments = ["--quiet", "-o", options.output, *(["--unfiltered"] if options.unfiltered == "true" else [])]
    spark = SparkSession.builder.appName("ssl-usage").getOrCreate()
    spark.sparkContext.addFile(options.program)
    if options.logs:
        command = ["collect", "--logs", options.logs, *arguments, "--shard"]
        shards = spark.sparkContext.parallelize(range(tasks), tasks)
        done = shards.map(lambda index: run(program, [*command, f"{index}/{tasks}"])).collect()
    else:
        reader = spark.read.format("binaryFile").option("recursiveFileLookup", True)
        # An object that cannot be read must fail the job.
        reader = reader.option("ignoreCorruptFiles", False).option("ignoreMissingFiles", False)
        # An export task writes a file to try whether it may.
        objects = reader.load(options.objects).where("length > 0 AND path NOT LIKE '%/aws-logs-write-test'")
        lines = objects.rdd.flatMap(lambda row: extract(row, program, tasks, hours))
        done = lines.partitionBy(tasks, int).mapPartitions(lambda own: collect(own, program, arguments)).collect()
    spark.stop()
    # Damage is reported by every task.
    sys.stderr.writelines(dict.fromkeys(line for _, errors in done for line in errors.splitlines(keepends=True)))
    if not done:
        sys.exit("error: the archive contains no events")
    if any(status for status, _ in done):
        sys.exit(3)


if __name__ == "__main__":
    main()
