//! Files that are no connection logs are named, and no connection log is taken for one.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ssl_usage_parsers::{HEAD, Hints, detect, unrelated};

/// What each is called, and the beginning of one, in the shape of the page that its row of the table names.
const FILES: &[(&str, &str)] = &[
    ("slow query log", "# Time: 2026-08-24T17:40:00.000000Z\n# User@Host: app[app] @  [10.0.0.1]  Id:    42\n"),
    ("slow query log", "# User@Host: app[app] @  [10.0.0.1]\n# Thread_id: 8  Schema: shop  QC_hit: No\n"),
    (
        "slow query log",
        "/rdsdbbin/mysql/bin/mysqld, Version: 8.0.45 (Source distribution). started with:\nTcp port: 3306  Unix socket: \
         /tmp/mysql.sock\nTime                 Id Command    Argument\n# Time: 2026-08-24T17:40:00.000000Z\n",
    ),
    (
        "error log",
        "2026-11-23T18:46:24.431815Z 0 [Warning] [MY-010068] [Server] CA certificate ca.pem is self signed.\n",
    ),
    ("error log", "2017-03-01T09:12:33.123456Z 0 [Note] mysqld (mysqld 5.7.44-log) starting as process 1 ...\n"),
    ("error log", "2026-11-23 18:46:24 0 [Note] Starting MariaDB 10.11.9-MariaDB-log as process 4711\n"),
    ("error log", "2016-01-12  6:52:03 140226112345856 [Note] InnoDB: Using mutexes to ref count buffer pool pages\n"),
    ("error log", "150904 15:12:38 mysqld_safe Starting mysqld daemon with databases from /rdsdbdata/db\n"),
    ("error log", "150904 15:12:38 [Note] Plugin 'FEDERATED' is disabled.\n"),
    ("error log in JSON", r#"{ "prio" : 2, "err_code" : 10068, "subsystem" : "Server", "msg" : "CA certificate" }"#),
    ("Percona Server in JSON", r#"{"audit_record":{"name":"Connect","record":"5_2026-11-23T18:46:20"}}"#),
    (
        "MySQL Enterprise Edition in JSON",
        "[\n{ \"timestamp\": \"2026-11-23 18:46:24\", \"id\": 6, \"class\": \"connection\", \"event\": \"connect\", \
         \"connection_id\": 48 },\n",
    ),
    ("in XML", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AUDIT>\n <AUDIT_RECORD>\n  <NAME>Connect</NAME>\n"),
    ("in XML", "<AUDIT_RECORD\n  NAME=\"Connect\"\n"),
    ("binary log", "\u{FEFF}"),
    (
        "audit log of MongoDB",
        r#"{"atype":"authenticate","ts":{"$date":"2026-11-23T18:46:24.563+00:00"},"local":{"ip":"0.0.0.0","port":27017}}"#,
    ),
    (
        "server log of MongoDB",
        r#"{"t":{"$date":"2026-11-23T18:46:24Z"},"s":"I","c":"NETWORK","id":1,"msg":"Connected"}"#,
    ),
    ("profiler log", r#"{"op":"query","ts":1795459584706,"ns":"shop.orders","command":{},"millis":512}"#),
    ("activity stream", r#"{"type":"DatabaseActivityMonitoringRecords","version":"1.1","databaseActivityEvents":"x"}"#),
    (
        "Oracle audit records",
        "Nov 23 18:39:57 db Oracle Unified Audit[4711]: LENGTH: '180' TYPE:\"4\" ACTION:\"100\"\n",
    ),
    ("Oracle audit records", "Nov 23 18:39:57 db Oracle Audit[4711]: LENGTH : '155' ACTION :[7] 'CONNECT'\n"),
    ("Oracle alert log", "2026-11-23T18:39:57.123456+00:00\nThread 1 advanced to log sequence 4711 (LGWR switch)\n"),
    ("Oracle alert log", "Mon Nov 23 18:39:57 2026\nStarting ORACLE instance (normal)\n"),
    (
        "Oracle alert log",
        "<msg time='2026-11-23T18:39:57.242+00:00' org_id='oracle' comp_id='rdbms'\n type='UNKNOWN'>\n",
    ),
    ("Oracle trace file", "Trace file /rdsdbdata/log/trace/ORCL_ora_4711.trc\nOracle Database 19c\n"),
    (
        "names of months",
        "14-LIS-2026 02:39:08 * (CONNECT_DATA=(SID=xe)) * (ADDRESS=(PROTOCOL=tcps)(HOST=1)) * establish * xe * 0\n",
    ),
    ("SQL Server Agent", "2026-11-23 18:39:57 - ? [100] Microsoft SQLServerAgent version 15.0.4430.1 (X64)\n"),
    ("PostgreSQL upgrade", "Performing Consistency Checks\n-----------------------------\n"),
    (
        "PostgreSQL upgrade",
        "\n-----------------------------------------------------------------\n  pg_upgrade run on Mon Nov 23\n",
    ),
    (
        "RDS Proxy",
        "2026-11-23T18:39:57.242Z [INFO] [proxyEndpoint=default] [clientConnection=14] Received an authentication\n",
    ),
    ("Db2 diagnostic log", "2026-11-23-18.39.57.242000+000 E1234A567           LEVEL: Info\nPID     : 4711\n"),
    ("test file", "Permission Check Successful"),
    (
        "Enhanced Monitoring",
        r#"{"engine":"POSTGRES","instanceID":"shop","instanceResourceID":"db-X","cpuUtilization":{"idle":99}}"#,
    ),
    (
        "CloudTrail",
        r#"{"Records":[{"eventVersion":"1.11","eventSource":"rds.amazonaws.com","eventName":"ModifyDBInstance"}]}"#,
    ),
    ("CloudTrail", "{\n  \"Records\": [\n    {\n      \"eventVersion\": \"1.11\",\n"),
    ("CloudTrail", r#"{"eventVersion":"1.11","userIdentity":{},"eventSource":"rds.amazonaws.com","eventName":"X"}"#),
    ("VPC flow", "version account-id interface-id srcaddr dstaddr\n"),
    ("VPC flow", "2 123456789012 eni-0a1b 10.0.0.7 10.0.0.2 49698 5432 6 20 4249 1795459197 1795459257 ACCEPT OK\n"),
    ("list of log files", "{\n    \"DescribeDBLogFiles\": [\n        {\n"),
    ("error of AWS", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code></Error>"),
    ("error of AWS", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code></Error>"),
    ("error of AWS", "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\n  <Error>\n"),
    ("error of AWS", r#"{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}"#),
    (
        "AWS CLI",
        "\nAn error occurred (DBInstanceNotFound) when calling the DownloadDBLogFilePortion operation: DBInstance shop not \
         found\n",
    ),
    ("AWS CLI", "Unable to locate credentials. You can configure credentials by running \"aws configure\".\n"),
    ("web page", "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign in</title>"),
    ("dump", "--\n-- PostgreSQL database dump\n--\n"),
    ("dump", "-- MySQL dump 10.13  Distrib 8.0.45, for Linux (x86_64)\n"),
    (
        "application's log",
        r#"{"timestamp":"2024-05-16T10:32:25.060Z","level":"info","message":"Database connection pool"}"#,
    ),
    (
        "application's log",
        r#"{"level":"error","ts":1795459197.242,"caller":"db/pool.go:42","msg":"SSL enabled (protocol=x"}"#,
    ),
];

fn named(text: &[u8]) -> Option<&'static str> {
    unrelated(text).map(|kind| kind.what)
}

/// What a text of the list stands for: the one that is no text is in bytes.
fn bytes(text: &'static str) -> &'static [u8] {
    if text == "\u{FEFF}" { b"\xFEbin\x24\x0d" } else { text.as_bytes() }
}

#[test]
fn every_kind_of_file_is_named() {
    for (what, text) in FILES {
        let name = named(bytes(text));
        assert!(name.is_some_and(|name| name.contains(what)), "{text}: {name:?}");
        for text in [[b"\xEF\xBB\xBF\r\n", bytes(text)].concat(), bytes(text).repeat(3)] {
            let whole = ["test file", "binary log"].contains(what);
            assert!(whole || named(&text) == name, "{}", String::from_utf8_lossy(&text));
        }
        let advice = unrelated(bytes(text)).map(|kind| kind.advice).unwrap_or_default();
        assert!(advice.ends_with('.') && advice.split(". ").all(|sentence| sentence.len() < 150), "{advice}");
    }
}

#[test]
fn what_is_no_such_file_is_not_named() {
    let texts = [
        "",
        "\n\n",
        "x\n",
        // Envelopes of logs, and records of PostgreSQL in JSON.
        r#"{"events": []}"#,
        r#"{"events":[{"timestamp":1795459197242,"message":"x","ingestionTime":1795459197999}],"nextForwardToken":"f/1"}"#,
        r#"{"LogFileData":"x","Marker":"1:2","AdditionalDataPending":false}"#,
        r#"{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":[]}"#,
        r#"{"log":"x\n","stream":"stdout","time":"2026-11-23T18:39:57.242Z"}"#,
        r#"{"level":"info","ts":"2026-11-23T18:39:57Z","logger":"postgres","msg":"record","record":{"log_time":"x"}}"#,
        r#"{"timestamp":"2026-11-23 18:39:57.242 UTC","pid":1,"error_severity":"LOG","message":"x"}"#,
        // A time alone is the listener's as well as the alert log's.
        "2026-11-23T18:39:57.123456+00:00\n23-NOV-2026 18:39:57 * service_update * ORCL * 0\n",
        // PostgreSQL's prefix, and SQL Server's columns.
        "2026-11-23 18:39:57 UTC [123] LOG:  connection received: host=10.0.0.7 port=1\n",
        "2026-11-23 18:39:57.24 Server      [INFO] x\n",
    ];
    for text in texts {
        assert_eq!(named(text.as_bytes()), None, "{text}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => found.push(entry),
        }
    }
    found
}

/// The samples that are connection logs.
fn logs() -> impl Iterator<Item = (PathBuf, Vec<u8>)> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    files(&samples).into_iter().filter_map(|file| {
        let mut text = fs::read(&file).expect("a file");
        text.truncate(HEAD);
        detect(&text, &Hints::default()).is_some().then_some((file, text))
    })
}

#[test]
fn no_connection_log_is_named() {
    let mut count = 0;
    for (file, text) in logs() {
        assert_eq!(named(&text), None, "{}", file.display());
        count += 1;
    }
    assert!(count > 60, "{count} logs");
}

/// A statement, a name or a document may hold any line.
#[test]
fn a_record_before_such_a_line_decides() {
    let mut formats = BTreeSet::new();
    for (file, mut text) in logs() {
        text.truncate(8 * 1024);
        let Some(parser) = detect(&text, &Hints::default()) else { continue };
        if !formats.insert((parser.engine(), parser.format())) {
            continue;
        }
        let is_record = |line: &&[u8]| parser.begins(line) && parser.time(line).is_some();
        let Some(record) = text.split_inclusive(|byte| *byte == b'\n').take(200).find(is_record) else { continue };
        for (what, unsupported_language) in FILES.iter().filter(|(what, _)| !["test file", "binary log"].contains(what))
        {
            let text = [record, unsupported_language.as_bytes(), b"\n", &text].concat();
            assert_eq!(named(&text), None, "{} before {what}", file.display());
        }
    }
}
