//! Files that are no connection logs: what else a DBA downloads from RDS, CloudWatch Logs or S3, and what is saved by
//! mistake instead of a log.
//!
//! Each is recognised by its content, from the beginning of the file. A line decides only where no record of a connection
//! log stands before it: statements in such a log can hold anything.

use std::borrow::Cow;

use memchr::memmem;

use crate::ENGINES;
use crate::detect::Hints;
use crate::digits::{self, after_shape};
use crate::json;
use crate::oracle;

/// A kind of file that holds no connection records, or holds them in a format that is not read.
#[derive(Debug)]
pub struct Unrelated {
    /// What it is, with its article: `a MySQL slow query log`.
    pub what: &'static str,
    /// Which log to read instead, and where that is found.
    pub advice: &'static str,
    /// How it is recognised. The first row of [`TABLE`] whose mark a line has decides.
    mark: Mark,
}

/// How a kind of file is recognised.
#[derive(Debug)]
enum Mark {
    /// By its first bytes. For binary files, which have no lines.
    Start(&'static [u8]),
    /// By all that is in it. Blanks and line ends around it do not matter.
    Whole(&'static [u8]),
    /// By a line. It gets the line without blanks at its end, and at most [`LINE`] bytes of it.
    Line(fn(&[u8]) -> bool),
    /// By the members of the JSON object that begins in a line. The object may go on in later lines.
    Json(fn(&Members<'_>) -> bool),
}

/// Lines of a file's beginning that are looked at.
const LINES: usize = 200;
/// Bytes of a file's beginning that are looked at.
const HEAD: usize = 256 * 1024;
/// Bytes of a line that are looked at.
const LINE: usize = 8 * 1024;
/// Bytes of a value that a mark may depend on.
const VALUE: usize = 64;

/// Advice for files of MySQL and MariaDB, and for audit logs of Percona Server.
const MYSQL: &str = "Connections are in the general log (log type `general`, `general/mysql-general.log`). \
                     RDS for MySQL's audit log has them too (log type `audit`, `audit/server_audit.log`).";
/// Advice for other files of Oracle: alert logs, trace files, and audit records in syslog.
const ORACLE: &str = "Connections are in the listener log (log type `listener` in CloudWatch Logs).";
/// Advice for logs of MongoDB, and for the profiler log of DocumentDB.
const DOCDB: &str = "Logins are in Amazon DocumentDB's audit log (log group `/aws/docdb/CLUSTER/audit`).";
/// Advice for the logs that an upgrade of PostgreSQL leaves.
const POSTGRES: &str = "Connections are in `error/postgresql.log.*` (log type `postgresql`).";
/// Advice for downloads that failed: the file holds an error, not a log.
const DOWNLOAD: &str = "Download the log again, and check the command's exit status. \
                        `aws rds describe-db-log-files` lists the logs of an instance.";
/// Advice for lists of logs, which users save before they download one.
const LIST: &str = "Download a log of the list with `aws rds download-db-log-file-portion --db-instance-identifier ID \
                    --log-file-name NAME --output text`, and scan that.";
/// Advice for files that are no log of an engine.
const NO_LOG: &str = "Download a connection log. `aws rds describe-db-log-files` lists the logs of an instance.";

/// The kinds of files. The first that matches a line decides.
static TABLE: &[Unrelated] = &[
    // https://dev.mysql.com/doc/refman/8.4/en/slow-query-log.html; MariaDB's begins in the same way.
    Unrelated { what: "a MySQL or MariaDB slow query log", advice: MYSQL, mark: Mark::Line(is_slow) },
    // https://dev.mysql.com/doc/refman/8.4/en/error-log-format.html; MariaDB `sql/log.cc`, `print_buffer_to_file`.
    Unrelated { what: "a MySQL or MariaDB error log", advice: MYSQL, mark: Mark::Line(is_mysql_error) },
    // https://dev.mysql.com/doc/refman/8.4/en/error-log-json.html
    Unrelated {
        what: "a MySQL error log in JSON",
        advice: MYSQL,
        mark: Mark::Json(|json| json.has("err_code") && json.has("prio")),
    },
    // https://docs.percona.com/percona-server/8.0/audit-log-plugin.html
    Unrelated {
        what: "an audit log of Percona Server in JSON, which is not supported",
        advice: MYSQL,
        mark: Mark::Json(|json| json.has("audit_record")),
    },
    // https://dev.mysql.com/doc/refman/8.4/en/audit-log-file-formats.html
    Unrelated {
        what: "an audit log of MySQL Enterprise Edition in JSON, which is not supported",
        advice: MYSQL,
        mark: Mark::Json(|json| ["timestamp", "class", "event", "connection_id"].iter().all(|key| json.has(key))),
    },
    // The same pages.
    Unrelated {
        what: "an audit log of Percona Server or MySQL Enterprise Edition in XML, which is not supported",
        advice: MYSQL,
        mark: Mark::Line(|line| starts(line.trim_ascii_start(), &["<AUDIT>", "<AUDIT_RECORD"])),
    },
    // https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
    Unrelated { what: "a MySQL or MariaDB binary log", advice: MYSQL, mark: Mark::Start(b"\xFEbin") },
    // https://www.mongodb.com/docs/manual/reference/audit-message/mongo/: times are documents there.
    Unrelated {
        what: "an audit log of MongoDB",
        advice: DOCDB,
        mark: Mark::Json(|json| json.has("atype") && json.begins("ts", "{")),
    },
    // https://www.mongodb.com/docs/manual/reference/log-messages/
    Unrelated {
        what: "a server log of MongoDB",
        advice: DOCDB,
        mark: Mark::Json(|json| json.begins("t", "{") && json.has("s") && json.has("c") && json.has("msg")),
    },
    // https://docs.aws.amazon.com/documentdb/latest/developerguide/profiling.html
    Unrelated {
        what: "a profiler log of Amazon DocumentDB",
        advice: DOCDB,
        mark: Mark::Json(|json| ["op", "ns", "millis"].iter().all(|key| json.has(key))),
    },
    // https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/DBActivityStreams.Monitoring.html
    Unrelated {
        what: "a database activity stream, which is not supported",
        advice: "Read the connection log of the instance. `aws rds describe-db-log-files` lists its logs.",
        mark: Mark::Json(|json| {
            json.has("databaseActivityEvents")
                || json.has("databaseActivityEventList")
                || json.begins("type", "\"DatabaseActivityMonitoringRecord")
        }),
    },
    // https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/UNIFIED_AUDIT_SYSTEMLOG.html and AUDIT_SYSLOG_LEVEL
    Unrelated {
        what: "a syslog file with Oracle audit records, which do not show the transport",
        advice: ORACLE,
        mark: Mark::Line(|line| {
            let head = line.get(..200).unwrap_or(line);
            ["Oracle Unified Audit[", "Oracle Audit["].iter().any(|name| memmem::find(head, name.as_bytes()).is_some())
        }),
    },
    // Alert logs of 11.2 to 19c, as published; "Monitoring Errors and Alerts" of Oracle's Database Administrator's Guide.
    Unrelated { what: "an Oracle alert log", advice: ORACLE, mark: Mark::Line(is_alert) },
    Unrelated {
        what: "an Oracle trace file",
        advice: ORACLE,
        mark: Mark::Line(|line| starts(line, &["Trace file /", "*** SESSION ID:("])),
    },
    // https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/NLS_LANGUAGE.html
    Unrelated {
        what: "an Oracle listener log with the names of months in an unsupported language",
        advice: "Read `log.xml` of the same listener, or start the listener with NLS_LANG=AMERICAN_AMERICA.",
        mark: Mark::Line(oracle::has_unknown_month),
    },
    // https://learn.microsoft.com/en-us/sql/ssms/agent/sql-server-agent-error-log
    Unrelated {
        what: "a SQL Server Agent log",
        advice: "Logins are in SQL Server's error log (`log/ERROR`, log type `error`).",
        mark: Mark::Line(is_agent),
    },
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.PostgreSQL.MajorVersion.Process.html
    // names `pg_upgrade_internal.log`, `pg_upgrade_server.log` and `pg_upgrade_precheck.log`.
    Unrelated {
        what: "a log of a PostgreSQL upgrade",
        advice: POSTGRES,
        mark: Mark::Line(|line| {
            let marks = ["Performing Consistency Checks", "pg_upgrade run on ", "Instance could not be upgraded"];
            starts(line.trim_ascii_start(), &marks)
        }),
    },
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html
    Unrelated {
        what: "a log of RDS Proxy",
        advice: "Read the connection log of the database behind the proxy. \
                 `aws rds describe-db-log-files` lists the logs of an instance.",
        mark: Mark::Line(|line| {
            let head = line.get(..200).unwrap_or(line);
            memmem::find(head, b"[proxyEndpoint=").is_some()
        }),
    },
    // https://www.ibm.com/docs/en/db2/11.5.x?topic=logs-interpreting-diagnostic-log-file-entries
    Unrelated {
        what: "a Db2 diagnostic log",
        advice: "No log of Db2 shows how clients connect. The parameter `DB2COMM` shows whether TLS is possible.",
        mark: Mark::Line(|line| {
            after_shape(line, b"0000-00-00-00.00.00.000000").is_some() && memmem::find(line, b"LEVEL: ").is_some()
        }),
    },
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html: the file that an export begins with.
    Unrelated {
        what: "the test file that an export of CloudWatch Logs to S3 leaves",
        advice: "Read the `.gz` files of the export, which are in the folder named after its task.",
        mark: Mark::Whole(b"Permission Check Successful"),
    },
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.html, log group `RDSOSMetrics`.
    Unrelated {
        what: "operating system metrics of Enhanced Monitoring",
        advice: NO_LOG,
        mark: Mark::Json(|json| json.has("instanceResourceID") && json.has("cpuUtilization")),
    },
    // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
    Unrelated {
        what: "a log of AWS CloudTrail",
        advice: NO_LOG,
        mark: Mark::Json(|json| {
            json.begins("Records", "[{\"eventVersion\"")
                || ["eventVersion", "eventSource", "eventName"].iter().all(|key| json.has(key))
        }),
    },
    // https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    Unrelated { what: "a VPC flow log", advice: NO_LOG, mark: Mark::Line(is_flow) },
    // https://docs.aws.amazon.com/cli/latest/reference/rds/: answers of calls that list, and hold no log.
    Unrelated {
        what: "a list of log files or instances, as the AWS CLI prints it",
        advice: LIST,
        mark: Mark::Json(|json| ["DescribeDBLogFiles", "DBInstances", "DBClusters"].iter().any(|key| json.has(key))),
    },
    // https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and the query APIs' `ErrorResponse`.
    Unrelated {
        what: "an error of AWS, saved instead of a log",
        advice: DOWNLOAD,
        mark: Mark::Line(|line| {
            let line = line.get(..1024).unwrap_or(line);
            starts(line.trim_ascii_start(), &["<ErrorResponse", "<Error>"])
                || memmem::find(line, b"?><Error>").is_some()
                || memmem::find(line, b"?><ErrorResponse").is_some()
        }),
    },
    Unrelated {
        what: "an error of AWS, saved instead of a log",
        advice: DOWNLOAD,
        mark: Mark::Json(|json| json.has("__type") || (json.begins("Error", "{") && json.len() <= 3)),
    },
    // https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-troubleshooting.html
    Unrelated {
        what: "an error message of the AWS CLI, saved instead of a log",
        advice: DOWNLOAD,
        mark: Mark::Line(is_cli),
    },
    Unrelated {
        what: "a web page, saved instead of a log",
        advice: DOWNLOAD,
        mark: Mark::Line(|line| {
            let head = line.trim_ascii_start().get(..14).unwrap_or(line).to_ascii_lowercase();
            starts(&head, &["<!doctype html", "<html"])
        }),
    },
    Unrelated {
        what: "a database dump",
        advice: NO_LOG,
        mark: Mark::Line(|line| starts(line, &["-- PostgreSQL database dump", "-- MySQL dump ", "-- MariaDB dump "])),
    },
    // Structured logs as winston, bunyan, zap, logrus, Serilog and Logback's encoder write them.
    Unrelated {
        what: "an application's log in JSON, in which no member holds lines of a connection log",
        advice: NO_LOG,
        mark: Mark::Json(is_application),
    },
];

/// What a file is that begins with `head`, if it is one of the files that hold no connection records.
///
/// Ask before a format is detected: some of these files look like a connection log.
pub fn unrelated(head: &[u8]) -> Option<&'static Unrelated> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let head = head.get(..HEAD).unwrap_or(head);
    if let Some(found) = TABLE.iter().find(|row| row.mark.matches_file(head)) {
        return Some(found);
    }
    let mut at = 0;
    let mut is_first = true;
    for line in head.split(|byte| *byte == b'\n').take(LINES) {
        let rest = head.get(at..).unwrap_or_default();
        let found = find(line.get(..LINE).unwrap_or(line), rest);
        if found.is_some() {
            let before = head.get(..at).unwrap_or_default();
            return found.filter(|_| is_first || !holds_record(before, head));
        }
        is_first &= line.trim_ascii().is_empty();
        at += line.len() + 1;
    }
    None
}

/// The kind of file that a line shows; `rest` is what begins with it. None if no row of [`TABLE`] matches.
///
/// A JSON object may take several lines, so its members are read from `rest`. A cut object gives the members before the cut.
fn find(line: &[u8], rest: &[u8]) -> Option<&'static Unrelated> {
    let line = line.trim_ascii_end();
    let opens = |byte: &u8| matches!(byte, b'{' | b'[');
    let members = line.trim_ascii_start().first().filter(|byte| opens(byte)).map(|_| Members::of(rest));
    TABLE.iter().find(|row| match row.mark {
        Mark::Line(is_one) => !line.is_empty() && is_one(line),
        Mark::Json(is_one) => members.as_ref().is_some_and(is_one),
        Mark::Start(_) | Mark::Whole(_) => false,
    })
}

/// Whether one of the lines is a record of a log that begins with `head`, and no heading.
/// A record has a time, a heading has none.
fn holds_record(lines: &[u8], head: &[u8]) -> bool {
    let hints = Hints::default();
    let parsers: Vec<_> = ENGINES.iter().flat_map(|engine| (engine.parsers)(head, &hints)).collect();
    let is_record = |line: &[u8]| parsers.iter().any(|parser| parser.begins(line) && parser.time(line).is_some());
    lines.split(|byte| *byte == b'\n').any(is_record)
}

impl Mark {
    /// Whether the mark is in the head of a file. False for marks of a line.
    fn matches_file(&self, head: &[u8]) -> bool {
        match self {
            Self::Start(bytes) => head.starts_with(bytes),
            Self::Whole(text) => head.trim_ascii() == *text,
            Self::Line(_) | Self::Json(_) => false,
        }
    }
}

/// The members of a JSON object, or of the first one of an array.
struct Members<'a>(Vec<(Cow<'a, [u8]>, &'a [u8])>);

impl<'a> Members<'a> {
    /// The members of an object, or of the first object of an array. Empty for any other text.
    fn of(text: &'a [u8]) -> Self {
        let text = text.trim_ascii_start();
        Self(json::members(text.strip_prefix(b"[").unwrap_or(text)).0)
    }

    /// How many members there are.
    fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is a member of this name.
    fn has(&self, key: &str) -> bool {
        self.begins(key, "")
    }

    /// Whether there is a member whose value begins so, blanks apart. A text value begins with its quote: `"abc`.
    fn begins(&self, key: &str, value: &str) -> bool {
        let matches = |text: &[u8]| {
            let text = text.get(..VALUE).unwrap_or(text).iter().filter(|byte| !byte.is_ascii_whitespace());
            text.take(value.len()).eq(value.as_bytes())
        };
        self.0.iter().any(|(name, text)| name.as_ref() == key.as_bytes() && matches(text))
    }
}

/// Whether an object is a record of an application's log.
///
/// It has a time and a level: `{"timestamp":"2026-11-23T18:39:57Z","level":"info","message":"started"}`. Objects that carry
/// records of a connection log are none, because an envelope is read instead.
fn is_application(json: &Members<'_>) -> bool {
    const TIMES: &[&str] = &["timestamp", "time", "ts", "@timestamp", "@t", "asctime", "datetime"];
    const LEVELS: &[&str] = &["level", "severity", "levelname", "log.level", "loglevel", "@l", "@mt", "level_value"];
    // PostgreSQL's own records, and objects that carry those of others.
    const OTHERS: &[&str] = &[
        "error_severity",
        "atype",
        "record",
        "log",
        "logEvents",
        "events",
        "textPayload",
        "jsonPayload",
        "properties",
        "kubernetes",
    ];
    let any = |keys: &[&str]| keys.iter().any(|key| json.has(key));
    any(TIMES) && any(LEVELS) && !any(OTHERS)
}

/// Whether a line is of a slow query log. `# Time: 2026-11-23T18:39:57.431815Z`, `# User@Host: app[app] @ [10.0.0.7]`,
/// `# Query_time: 12.000417  Lock_time: 0.000003`.
fn is_slow(line: &[u8]) -> bool {
    starts(line, &["# User@Host: ", "# Query_time: "])
        || line.strip_prefix(b"# Time: ").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// `2026-11-23T18:46:24.431815Z 0 [Warning] [MY-010068] ...`, `2026-11-23 18:46:24 0 [Note] ...`,
/// `261123 18:46:24 [Note] ...`, `261123 18:46:24 mysqld_safe ...`.
fn is_mysql_error(line: &[u8]) -> bool {
    let times =
        ["0000-00-00T00:00:00", "0000-00-00 00:00:00", "0000-00-00  0:00:00", "000000 00:00:00", "000000  0:00:00"];
    let Some(rest) = times.iter().find_map(|time| after_shape(line, time.as_bytes())) else { return false };
    let zone = rest.iter().take_while(|byte| byte.is_ascii_digit() || b".Z+-:".contains(byte)).count();
    let Some(rest) = rest.get(zone..).and_then(|rest| rest.strip_prefix(b" ")) else { return false };
    if starts(rest, &["mysqld_safe ", "mysqld_safe:"]) {
        return true;
    }
    // The thread: digits, or an address.
    let thread = rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'x').count();
    let message = rest.get(thread..).unwrap_or_default();
    let message = if thread > 0 { message.strip_prefix(b" ").unwrap_or_default() } else { message };
    starts(message, &["[Note] ", "[Warning] ", "[ERROR] ", "[System] ", "[Info] "])
}

/// Whether a line is of an Oracle alert log.
///
/// `Thread 1 advanced to log sequence 42 (LGWR switch)`, or a message of `log.xml` whose component is `rdbms`. A listener's
/// `log.xml` has the component `tnslsnr`.
fn is_alert(line: &[u8]) -> bool {
    const BEGINNINGS: &[&str] = &[
        "Starting ORACLE instance (",
        "Thread 1 advanced to log sequence ",
        "Thread 1 opened at log sequence ",
        "Thread 1 cannot allocate new log",
        "Beginning log switch checkpoint",
        "Completed checkpoint up to RBA",
        "Archived Log entry ",
        "Errors in file /",
        "Fatal NI connect error ",
        "Using parameter settings in server-side ",
        "LICENSE_MAX_SESSION = ",
        "Completed: ALTER DATABASE ",
        "Resize operation completed for file#",
    ];
    starts(line, BEGINNINGS) || (line.starts_with(b"<msg time='") && memmem::find(line, b" comp_id='rdbms'").is_some())
}

/// `2026-11-23 18:39:57 - ! [393] Waiting for SQL Server to recover database 'msdb'...`
fn is_agent(line: &[u8]) -> bool {
    let rest = after_shape(line, b"0000-00-00 00:00:00").and_then(|rest| rest.strip_prefix(b" - "));
    matches!(rest, Some([b'!' | b'?' | b'+', b' ', b'[', digit, ..]) if digit.is_ascii_digit())
}

/// `2 123456789012 eni-0a1b 10.0.0.7 10.0.0.2 49698 5432 6 20 4249 1795459197 1795459257 ACCEPT OK`, or its heading.
fn is_flow(line: &[u8]) -> bool {
    let mut fields = line.split(|byte| *byte == b' ');
    let is_number = |field: Option<&[u8]>| field.is_some_and(digits::all);
    starts(line, &["version account-id interface-id "])
        || (is_number(fields.next())
            && is_number(fields.next())
            && fields.next().is_some_and(|field| field.starts_with(b"eni-")))
}

/// Whether a line is a message of the AWS CLI.
///
/// `An error occurred (DBInstanceNotFound) when calling the DownloadDBLogFilePortion operation: ...`
fn is_cli(line: &[u8]) -> bool {
    let call = line.starts_with(b"An error occurred (") && memmem::find(line, b" when calling the ").is_some();
    call || starts(
        line,
        &[
            "aws: error: ",
            "usage: aws ",
            "Unable to locate credentials",
            "Could not connect to the endpoint URL",
            "The config profile (",
            "Error when retrieving token from sso",
        ],
    )
}

/// Whether a text begins with one of these. Case matters.
fn starts(text: &[u8], beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| text.starts_with(beginning.as_bytes()))
}
