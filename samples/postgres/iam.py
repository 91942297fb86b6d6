"""Logins as RDS's IAM authentication makes them: PAM asks a service over HTTP, and libcurl's trace of that goes to the
server's stderr, from where the server's collector writes it into the log, between the records of all sessions."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import ROOM, refused
from server import DEBIAN, HBA, RDS

PORT = 1108
# RDS names its own service so.
HOSTS = "127.0.0.1 localhost rdsauthproxy\n"
# What is asked is of no interest here: only how its trace gets into the log. The program's parent is the session.
ASK = f"""#!/usr/bin/python3
import ctypes, os, sys
os.dup2(os.open(f"/proc/{{os.getppid()}}/fd/2", os.O_WRONLY), 2)
password = sys.stdin.buffer.read().rstrip(bytes(1))
curl = ctypes.CDLL("libcurl.so.4")
pointers = [curl.curl_easy_init, curl.curl_mime_init, curl.curl_mime_addpart]
for function in pointers:
    function.restype = ctypes.c_void_p
handle = ctypes.c_void_p(curl.curl_easy_init())
form = ctypes.c_void_p(curl.curl_mime_init(handle))
for name, value in ((b"user", os.environ["PAM_USER"].encode()), (b"password", password)):
    part = ctypes.c_void_p(curl.curl_mime_addpart(form))
    curl.curl_mime_name(part, name)
    curl.curl_mime_data(part, value, ctypes.c_size_t(len(value)))
VERBOSE, URL, MIMEPOST, RESPONSE_CODE = 41, 10002, 10269, 0x200002
curl.curl_easy_setopt(handle, VERBOSE, ctypes.c_long(1))
curl.curl_easy_setopt(handle, URL, b"http://rdsauthproxy:{PORT}/authenticateRequest")
curl.curl_easy_setopt(handle, MIMEPOST, form)
answer = ctypes.c_long()
done = curl.curl_easy_perform(handle) or curl.curl_easy_getinfo(handle, RESPONSE_CODE, ctypes.byref(answer))
sys.exit(done or answer.value != 200)
"""
PAM = f"auth required pam_exec.so quiet expose_authtok {ROOM}/iam\naccount required pam_permit.so\n"


class Service(BaseHTTPRequestHandler):
    """Grants what comes with the right password."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        right = b"secret" in self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if right else 403)
        self.send_header("Content-Type", "text/html;charset=utf-8")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def logins(server):
    """Logins through PAM, alone and many at once, with sessions of others in between."""
    program, rules = ROOM / "iam", ROOM / "pam"
    program.write_text(ASK)
    program.chmod(0o755)
    rules.write_text(PAM)
    os.system(f"mount --bind {rules} /etc/pam.d/other")
    service = ThreadingHTTPServer(("127.0.0.1", PORT), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    n = server.network
    admin = server.connect("[local]", "admin")
    admin.query("create role iamuser login")
    admin.close()

    def together(*visits):
        threads = [threading.Thread(target=visit) for visit in visits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def login():
        server.visit("10.99.0.7", "iamuser", password="secret", application="psql", tls=n.context())

    login()
    server.visit("10.99.0.8", "app")
    refused(server, "10.99.0.9", "iamuser", password="wrong", tls=n.context())
    server.visit("10.99.0.7", "app", tls=n.context())
    for _ in range(3):
        together(login, login, lambda: server.visit("10.99.0.8", "app", application="orders api"),
                 lambda: server.visit("10.99.0.7", "app", tls=n.context()),
                 lambda: refused(server, "10.99.0.9", "iamuser", password="wrong", tls=n.context()))
    # Clear text within clear text: RDS would not let it in.
    server.visit("10.99.0.8", "iamuser", password="secret")
    service.shutdown()
    # Threads keep the counts together: none may be lost.
    assert server.truth.events["received"] == 6 + 3 * 5, server.truth.events


def case(Case):
    return Case(
        "iam-logins", DEBIAN, logins,
        "Logins through PAM, as with RDS's IAM authentication: libcurl's trace of each login appears among the records of\n"
        "all sessions, line by line, without a prefix. Here `pam_exec` runs libcurl against a stub of the service. As on RDS, the\n"
        "trace goes through the server's stderr.",
        RDS, formats=("stderr",), hosts=HOSTS, hba=HBA.replace("host     all          clear", IAM_HBA))


IAM_HBA = "host     all          iamuser       10.99.0.0/25     pam\nhost     all          clear"
