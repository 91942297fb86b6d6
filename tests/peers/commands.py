"""Gives commands to the AWS CLI, which checks them by its own models and sends them to a stub: `commands.py FILE`.

FILE is JSON: a list of argument vectors that begin with `aws`. Prints as JSON the options that the CLI knows of each
subcommand, and the commands that it rejects. The stub answers that everything is available and nothing is pending.
"""

import contextlib
import io
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from awscli.clidriver import create_clidriver

ANSWERS = {
    "DescribeDBInstances": "<DBInstances><DBInstance><DBInstanceIdentifier>one</DBInstanceIdentifier>"
    "<DBInstanceStatus>available</DBInstanceStatus><PendingModifiedValues/></DBInstance></DBInstances>",
    "DescribeDBClusters": "<DBClusters><DBCluster><DBClusterIdentifier>one</DBClusterIdentifier>"
    "<Status>available</Status></DBCluster></DBClusters>",
}


class Stub(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = parse_qs(body)["Action"][0]
        result = f"<{action}Result>{ANSWERS.get(action, '')}</{action}Result>"
        answer = f'<{action}Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/">{result}</{action}Response>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def options(driver, path):
    """The options of a subcommand, and those among them that it requires; both sorted."""
    command = driver._get_command_table()["rds"]
    for word in path:
        has_table = getattr(command, "subcommand_table", None)
        command = (has_table or command._get_command_table())[word]
    arguments = command.arg_table
    required = sorted(name for name, argument in arguments.items() if argument.required)
    return {"required": required, "options": sorted(arguments)}


def main():
    with open(sys.argv[1]) as file:
        commands = json.load(file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}", AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
        AWS_SECRET_ACCESS_KEY="secret", AWS_CONFIG_FILE="/nowhere", AWS_SHARED_CREDENTIALS_FILE="/nowhere",
        AWS_PAGER="",
    )
    driver = create_clidriver()
    known, rejected, printed = {}, [], {}
    for words in commands:
        _, _, _, service, *rest = words
        path = rest[:2] if rest[0] == "wait" else rest[:1]
        assert service == "rds", words
        name = " ".join(path)
        known.setdefault(name, options(driver, path))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = driver.main(words[1:])
            except SystemExit as end:
                status = end.code
        if status != 0:
            rejected.append({"command": words, "status": status, "stderr": err.getvalue()})
        if "--query" in words:
            printed[words[words.index("--query") + 1]] = out.getvalue().strip()
    print(json.dumps({"known": known, "rejected": rejected, "printed": printed}))


main()
