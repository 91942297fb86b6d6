"""Record what the AWS CLI (version 1) prints of log events and log file portions, with a stub in place of AWS.

usage: record.py AWS FOLDER    AWS is the CLI's program, as `pip install awscli` installs it; FOLDER is samples/envelopes
"""
import http.server, json, os, subprocess, sys, threading, urllib.parse

aws, folder = sys.argv[1:3]
def line(second, client, pid, text):
    return f"2026-11-20 10:00:{second:02} UTC:{client}:[{pid}]:LOG:  {text}"


TLS = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
EVENTS = [
    line(1, "10.0.1.5(40001):app@orders", 101, "connection authorized: user=app database=orders application_name=orders-api" + TLS),
    line(2, "10.0.1.5(40001):app@orders", 101, "statement: select 1\n\tfrom t\twhere x"),
    line(3, "10.0.1.6(40002):bi@orders", 102, "connection authorized: user=bi database=orders"),
    line(4, "10.0.1.7(40003):app@orders", 103, "connection authorized: user=app database=orders" + TLS),
]
PAGES = [EVENTS[:2], EVENTS[2:]]
# The second page of the log file begins in the middle of a line.
TEXT = "\n".join(EVENTS) + "\n"
CUT = TEXT.index("statement: ") + 4
PORTIONS = [TEXT[:CUT], TEXT[CUT:]]


class Stub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "")
        if target.startswith("Logs_"):
            answer, kind = json.dumps(self.events(target, json.loads(body))), "application/x-amz-json-1.1"
        else:
            answer, kind = self.portion(urllib.parse.parse_qs(body)), "text/xml"
        data = answer.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def events(self, target, request):
        token = request.get("nextToken") or request.get("nextForwardToken")
        at = 1 if token and token.endswith("1") else 0
        event = lambda index, text: {"timestamp": 1795459580000 + index, "message": text, "ingestionTime": 1795459590000}
        events = [event(at * 2 + index, text) for index, text in enumerate(PAGES[at])]
        if target.endswith("GetLogEvents"):
            return {"events": events, "nextForwardToken": "f/1", "nextBackwardToken": "b/0"}
        for index, named in enumerate(events):
            named |= {"logStreamName": "shop", "eventId": f"3831{at}{index}"}
        more = {"nextToken": "page1"} if at == 0 else {}
        return {"events": events, "searchedLogStreams": [{"logStreamName": "shop", "searchedCompletely": True}]} | more

    def portion(self, request):
        at = 1 if request.get("Marker", ["0"])[0] == "15:1" else 0
        text = PORTIONS[at].replace("&", "&amp;").replace("<", "&lt;")
        return ('<DownloadDBLogFilePortionResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DownloadDBLogFilePortionResult>'
                f"<LogFileData>{text}</LogFileData><Marker>15:{at + 1}</Marker><AdditionalDataPending>{str(at == 0).lower()}"
                "</AdditionalDataPending></DownloadDBLogFilePortionResult></DownloadDBLogFilePortionResponse>")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
LOGS = ["logs", "filter-log-events", "--log-group-name", "g"]
ONE = ["logs", "get-log-events", "--log-group-name", "g", "--log-stream-name", "shop"]
FILE = ["rds", "download-db-log-file-portion", "--db-instance-identifier", "shop", "--log-file-name", "audit/server_audit.log",
        "--starting-token", "0"]
WHOLE = FILE[:-2] + ["--no-paginate"]
MESSAGES = ["--query", "events[*].message"]
RUNS = {
    # Case: what the CLI prints by the name of the file.
    "whole": {
        "filter.json": LOGS, "filter.txt": LOGS + ["--output", "text"],
        "filter-messages.json": LOGS + MESSAGES, "filter-messages.txt": LOGS + MESSAGES + ["--output", "text"],
        "portion.json": FILE, "portion.txt": FILE + ["--output", "text"],
    },
    "first-page": {
        "get.json": ONE, "get.txt": ONE + ["--output", "text"],
        "portion.json": WHOLE, "portion.txt": WHOLE + ["--output", "text"],
    },
    "three-events": {"filter.txt": LOGS + ["--output", "text", "--max-items", "3"]},
    "table": {"filter.txt": LOGS + ["--output", "table"]},
}
for case, runs in RUNS.items():
    os.makedirs(os.path.join(folder, case), exist_ok=True)
    for name, arguments in runs.items():
        run = [aws, *arguments, "--endpoint-url", f"http://127.0.0.1:{server.server_port}"]
        out = subprocess.run(run, env=os.environ | keys, capture_output=True, check=True)
        open(os.path.join(folder, case, name), "wb").write(out.stdout)
