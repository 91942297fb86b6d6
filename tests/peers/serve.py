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
runpy.run_path(sys.argv[0], run_name="__main__")
