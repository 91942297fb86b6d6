#!/usr/bin/env python3
"""Writes signature_vectors.json: the REST call for a whole log file, signed by botocore.

Needs botocore, which the tests do not:

    python3 -m venv target/botocore && target/botocore/bin/pip install botocore
    target/botocore/bin/python tests/signature_vectors.py
"""

import datetime
import json
import pathlib
from unittest import mock

import botocore
from botocore import auth, awsrequest, credentials, utils

NOW = datetime.datetime(2026, 11, 24, 9, 30, 15)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="
CASES = [
    ("eu-west-1", "orders-prod", "error/postgresql.log.2026-11-21-05", None),
    ("eu-west-1", "orders-prod", "error/postgresql.log.2026-11-21-05", TOKEN),
    ("us-east-1", "a", "error/log with spaces", None),
    ("us-east-1", "a", "error/100%/%2F%25.log", TOKEN),
    ("us-west-2", "a", "trace/a+b=c&d?e#f;g:h@i!j*k'l(m),n$.trc", None),
    ("ap-south-1", "a", "audit/ünïcödé/ログ/🔒.log", None),
    ("eu-central-1", "a", "~tilde/a~b-c_d.e", None),
    ("sa-east-1", "a", "one/two/three/four/five", TOKEN),
    ("cn-north-1", "a", "trace/alert_ORCL.log", None),
    ("us-gov-west-1", "a", 'back\\slash "quote" <angle> [b] {c} |^`', TOKEN),
    ("eu-west-1", "a", "control/\t\u007f.log", None),
]


def endpoint(region):
    return f"https://rds.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def signed(region, instance, name, token):
    path = utils.percent_encode(name, safe="-_.~/")
    url = f"{endpoint(region)}/v19/downloadCompleteLogFile/{instance}/{path}"
    request = awsrequest.AWSRequest("GET", url, headers={"host": url.split("/")[2]})
    signer = auth.SigV4Auth(credentials.Credentials(KEY, SECRET, token), "rds", region)
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW):
        signer.add_auth(request)
    return {
        "region": region,
        "instance": instance,
        "name": name,
        "token": token,
        "url": url,
        "authorization": request.headers["Authorization"],
        "date": request.headers["X-Amz-Date"],
    }


vectors = {
    "signed_by": f"botocore {botocore.__version__}",
    "seconds": int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp()),
    "key": KEY,
    "secret": SECRET,
    "vectors": [signed(*case) for case in CASES],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(vectors, indent=2, ensure_ascii=False) + "\n")
