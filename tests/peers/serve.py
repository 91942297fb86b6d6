"""Runs the program of a peer until standard input ends, so that none outlives the tests.

`serve.py PROGRAM ARGUMENT...`
"""

import os
import runpy
import sys
import threading


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
sys.argv = sys.argv[1:]
if sys.argv[0].endswith("/ministack"):
    import ministack.services.cloudwatch

    # It forgets metrics that are older than two weeks, and the samples are.
    ministack.services.cloudwatch.TWO_WEEKS_SECONDS = 10**12
    if "DATABASE_PORT" in os.environ:
        import ministack.services.rds_data as data_api

        # It starts databases in containers. Here, each cluster is a server that is there already.
        there = {"_internal_address": "127.0.0.1", "_internal_port": os.environ["DATABASE_PORT"]}
        data_api._has_real_endpoint = lambda instance: True
        connect = data_api._connect
        # What Aurora says of itself, the server cannot say.
        own_name = "'" + os.environ["DATABASE_NAME"] + "'"
        for name in ["@@aurora_server_id", "aurora_db_instance_identifier()"]:
            data_api._execute_statement = lambda data, execute=data_api._execute_statement, name=name: execute(
                data | {"sql": data.get("sql", "").replace(name, own_name)}
            )
        data_api._connect = lambda instance, *rest, **named: connect(instance | there, *rest, **named)
runpy.run_path(sys.argv[0], run_name="__main__")
