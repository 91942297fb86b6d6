"""Puts instances, accounts and the like into a peer, and prints as JSON what it made: `seed.py WHAT URL`."""

import datetime
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3

URL = sys.argv[2]
OWN = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}


def client(service, region="eu-west-1", credentials=None):
    return boto3.client(service, region_name=region, endpoint_url=URL, **(credentials or OWN))


def create(rds, name, engine, version, **settings):
    """An instance, as the API says that it is."""
    if "DBClusterIdentifier" not in settings:
        settings |= {"MasterUsername": "admin", "MasterUserPassword": "a-password", "AllocatedStorage": 20}
    made = rds.create_db_instance(
        DBInstanceIdentifier=name, Engine=engine, EngineVersion=version, DBInstanceClass="db.m5.large", **settings
    )["DBInstance"]
    _, _, _, region, account, *_ = made["DBInstanceArn"].split(":")
    return {
        "account": account,
        "region": region,
        "instance": made["DBInstanceIdentifier"],
        "cluster": made.get("DBClusterIdentifier"),
        "engine": made["Engine"],
        "engine_version": made["EngineVersion"],
    }


def several(rds, count, prefix="shop", **settings):
    with ThreadPoolExecutor(4) as threads:
        names = [f"{prefix}-{number:03}" for number in range(count)]
        return list(threads.map(lambda name: create(rds, name, "postgres", "16.3", **settings), names))


def parameter_group(rds, name, family, **parameters):
    rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily=family, Description=name)
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=values(parameters))


def values(parameters):
    return [
        {"ParameterName": name.replace("__", "."), "ParameterValue": value, "ApplyMethod": "immediate"}
        for name, value in parameters.items()
    ]


def cluster(rds):
    """An Aurora cluster of two, whose group enforces TLS and logs no sessions."""
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="aurora-tls", DBParameterGroupFamily="aurora-postgresql16", Description="TLS"
    )
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="aurora-tls", Parameters=values({"rds__force_ssl": "1", "log_connections": "0"})
    )
    rds.create_db_cluster(
        DBClusterIdentifier="checkout", Engine="aurora-postgresql", EngineVersion="16.3", MasterUsername="admin",
        MasterUserPassword="a-password", DBClusterParameterGroupName="aurora-tls",
    )
    names = ["checkout-1", "checkout-2"]
    return [create(rds, name, "aurora-postgresql", "16.3", DBClusterIdentifier="checkout") for name in names]


def oracle(rds):
    """One with the option that makes its listener speak TLS, one with a group that lacks it."""
    for name in ["with-ssl", "without-ssl"]:
        rds.create_option_group(
            OptionGroupName=name, EngineName="oracle-ee", MajorEngineVersion="19", OptionGroupDescription=name
        )
    settings = [{"Name": "SQLNET.SSL_VERSION", "Value": "1.2"}]
    option = {"OptionName": "SSL", "OptionSettings": settings}
    rds.modify_option_group(OptionGroupName="with-ssl", OptionsToInclude=[option], ApplyImmediately=True)
    version = "19.0.0.0.ru-2024-01.rur-2024-01.r1"
    return [create(rds, name, "oracle-ee", version, OptionGroupName=name) for name in ["with-ssl", "without-ssl"]]


def fleet():
    """Three regions, more than a page of instances in one of them, and groups that say something of TLS."""
    home, small, far = (client("rds", region) for region in ["eu-west-1", "us-east-1", "ap-south-1"])
    made = several(home, 110, Tags=[{"Key": "team", "Value": "shop"}])
    parameter_group(home, "tls-off", "postgres16", ssl="0")
    parameter_group(home, "not-logged", "postgres16", log_connections="0", rds__force_ssl="1")
    parameter_group(home, "enforced", "mysql8.0", require_secure_transport="1", general_log="1", log_output="FILE")
    made.append(create(home, "tls-off", "postgres", "15.7", DBParameterGroupName="tls-off"))
    made.append(create(home, "not-logged", "postgres", "16.3", DBParameterGroupName="not-logged"))
    made.append(create(home, "enforced", "mysql", "8.0.39", DBParameterGroupName="enforced"))
    made += cluster(home) + oracle(home)
    made.append(create(small, "warehouse", "sqlserver-ee", "15.00.4236.7.v1"))
    made += several(small, 6, "lab", Tags=[{"Key": "team", "Value": "lab"}]) + several(far, 5, "far")
    return made


def accounts():
    """An organization of three accounts, each with instances of its own; one of them is closed."""
    organizations = client("organizations", "us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    made = several(client("rds"), 2, "own")
    numbers = []
    for name in ["shop", "lab", "closed"]:
        status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        numbers.append(status["AccountId"])
        arn = f"arn:aws:iam::{status['AccountId']}:role/seed"
        role = client("sts").assume_role(RoleArn=arn, RoleSessionName="seed")["Credentials"]
        credentials = {
            "aws_access_key_id": role["AccessKeyId"],
            "aws_secret_access_key": role["SecretAccessKey"],
            "aws_session_token": role["SessionToken"],
        }
        made += several(client("rds", credentials=credentials), 3, name)
    organizations.close_account(AccountId=numbers[-1])
    return {"numbers": numbers, "instances": made}


def regions():
    """The same few instances in many regions."""
    names = [
        "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "us-east-1", "us-east-2", "us-west-1",
        "us-west-2", "ap-south-1", "sa-east-1",
    ]
    made = []
    for name in names:
        rds = client("rds", name)
        parameter_group(rds, "tls-off", "postgres16", ssl="0")
        made += several(rds, 6, DBParameterGroupName="tls-off")
    return made


def measure(metric, value, hours=range(-10, 72)):
    """A metric of `reports-batch` of samples/fleet, twice an hour; the window begins with hour 0."""
    begin = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)
    dimensions = [{"Name": "DBInstanceIdentifier", "Value": "reports-batch"}]
    data = [
        {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Timestamp": begin + datetime.timedelta(minutes=30 * half),
            "Value": float(value + half % 2),
        }
        for half in range(2 * hours.start, 2 * hours.stop)
    ]
    client("cloudwatch").put_metric_data(Namespace="AWS/RDS", MetricData=data)
    return sum(datum["Value"] for datum in data)


def connections():
    """Never fewer than four sessions."""
    return measure("DatabaseConnections", 4)


def logins():
    """Logins by IAM in three hours of the window."""
    return measure("IamDbAuthConnectionSuccess", 2, range(5, 8))


def stamp(at):
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def session(at, number, tls):
    """What PostgreSQL logs of a session: it came, it was let in, and something that is no session's."""
    end = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)" if tls else ""
    came, client = f"host=10.0.0.9 port={number}", f"{stamp(at)}:10.0.0.9({number})"
    return [
        f"{client}:[unknown]@[unknown]:[{number}]:LOG:  connection received: {came}",
        f"{client}:app@orders:[{number}]:LOG:  connection authorized: user=app database=orders{end}",
        f"{stamp(at)}::@:[11]:LOG:  checkpoint starting: time",
    ]


def export(group, stream, events):
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int(at.timestamp() * 1000), "message": text} for at, text in events]
    for first in range(0, len(events), 10_000):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[first : first + 10_000])


BATCH = "/aws/rds/instance/reports-batch/postgresql"


def sessions(stream, every, tls):
    """Sessions of a day up to now, out of each of which come three events; more than a page of them."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    times = [now - datetime.timedelta(seconds=second) for second in range(24 * 3600 - 1, 0, -every)]
    events = [(at, line) for number, at in enumerate(times) for line in session(at, 1024 + number, tls)]
    export(BATCH, stream, events)
    return {"now": now.isoformat(), "sessions": len(times)}


def plaintext_sessions():
    return sessions("reports-batch.0", 12, False)


def tls_sessions():
    return sessions("reports-batch.1", 6 * 3600, True)


def exported():
    """Instances as old as their logs: of one, the log is asked for by phrases, of the other it is read whole."""
    rds = client("rds")
    parameter_group(rds, "general", "mysql8.0", general_log="1", log_output="FILE")
    by_phrases, whole = ({"EnableCloudwatchLogsExports": [log]} for log in ["postgresql", "general"])
    made = [
        create(rds, "ledger", "postgres", "16.3", **by_phrases),
        create(rds, "books", "mysql", "8.0.39", DBParameterGroupName="general", **whole),
    ]
    second = datetime.timedelta(seconds=1)
    times = [datetime.datetime.now(datetime.timezone.utc) + second * (number + 1) for number in range(20)]
    lines = [(at, line) for number, at in enumerate(times) for line in session(at, 1024 + number, number % 4 == 0)]
    export("/aws/rds/instance/ledger/postgresql", "ledger", lines)
    ways = ["SSL/TLS", "TCP/IP", "TCP/IP", "TCP/IP"]
    lines = [
        (at, f"{at:%Y-%m-%dT%H:%M:%S.%f}Z\t   {number} Connect\tapp@10.0.0.9 on orders using {ways[number % 4]}")
        for number, at in enumerate(times)
    ]
    export("/aws/rds/instance/books/general", "books", lines)
    later = times[-1] + 60 * second
    return {"now": later.isoformat(), "instances": made, "tls": 5, "plaintext": 15}


def data_api(engine):
    """Aurora clusters with a secret of the master user: of two instances with the Data API, and of one without."""
    rds = client("rds")
    clusters = {}
    for name, is_on, members in [("carts", True, 2), ("stock", False, 1)]:
        clusters[name] = rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine=engine,
            MasterUsername="boss",
            ManageMasterUserPassword=True,
            EnableHttpEndpoint=is_on,
        )["DBCluster"]
        for number in range(members):
            rds.create_db_instance(
                DBInstanceIdentifier=f"{name}-{number}",
                Engine=engine,
                DBInstanceClass="db.r6g.large",
                DBClusterIdentifier=name,
            )
    arn = clusters["carts"]["MasterUserSecret"]["SecretArn"]
    return json.loads(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def data_api_postgres():
    return data_api("aurora-postgresql")


def data_api_mysql():
    return data_api("aurora-mysql")


if __name__ == "__main__":
    makers = [
        fleet,
        accounts,
        regions,
        connections,
        logins,
        plaintext_sessions,
        tls_sessions,
        exported,
        data_api_postgres,
        data_api_mysql,
    ]
    print(json.dumps(next(make for make in makers if make.__name__ == sys.argv[1])()))
