//! What engines write of sessions, in the forms that samples of real servers have.

use jiff::Timestamp;

use super::NOW;
use super::client::{Client, HOUR, MINUTE, Transport};
use crate::fake_aws::Instance;

/// A kind of log of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stderr,
    Csv,
    AuroraStderr,
    MysqlAudit,
    MysqlGeneral,
    MariadbGeneral,
    AuroraAudit,
}

/// A record.
pub struct Record<'c> {
    pub at: i64,
    /// When its session began.
    pub begun: i64,
    /// The session's number.
    pub session: usize,
    pub client: &'c Client,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Something that has nothing to do with sessions.
    Other,
    Connect,
    Disconnect,
}

impl Kind {
    /// The engine and its version, as the API names them.
    pub fn engine(self) -> (&'static str, &'static str) {
        match self {
            Kind::Stderr | Kind::Csv => ("postgres", "16.14"),
            Kind::AuroraStderr => ("aurora-postgresql", "15.18"),
            Kind::MysqlAudit | Kind::MysqlGeneral => ("mysql", "8.0.40"),
            Kind::MariadbGeneral => ("mariadb", "10.11.18"),
            Kind::AuroraAudit => ("aurora-mysql", "8.0.mysql_aurora.3.04.0"),
        }
    }

    pub fn is_postgres(self) -> bool {
        matches!(self, Kind::Stderr | Kind::Csv | Kind::AuroraStderr)
    }

    /// It holds statements too, and nothing at all while it is off.
    pub fn is_general(self) -> bool {
        matches!(self, Kind::MysqlGeneral | Kind::MariadbGeneral)
    }

    /// The setting that switches it on, where that is a parameter.
    pub fn switch(self) -> &'static str {
        match self {
            Kind::Stderr | Kind::Csv | Kind::AuroraStderr => "log_connections",
            Kind::MysqlGeneral | Kind::MariadbGeneral => "general_log",
            Kind::AuroraAudit => "server_audit_logging",
            Kind::MysqlAudit => "option",
        }
    }

    /// The name of the file that was begun at `from`, before `newer` others.
    pub fn file(self, from: i64, newer: usize) -> String {
        let stamp = |format: &str| time(from).strftime(format).to_string();
        match self {
            Kind::Stderr => stamp("error/postgresql.log.%Y-%m-%d-%H"),
            Kind::Csv => stamp("error/postgresql.log.%Y-%m-%d-%H.csv"),
            Kind::AuroraStderr => stamp("error/postgresql.log.%Y-%m-%d-%H%M"),
            Kind::MysqlAudit if newer == 0 => "audit/server_audit.log".to_owned(),
            Kind::MysqlAudit => format!("audit/server_audit.log.{newer}"),
            Kind::MysqlGeneral | Kind::MariadbGeneral if newer == 0 => "general/mysql-general.log".to_owned(),
            Kind::MysqlGeneral | Kind::MariadbGeneral => stamp("general/mysql-general.log.%Y-%m-%d.%H"),
            Kind::AuroraAudit => stamp("audit/audit.log.0.%Y-%m-%d-%H-%M.0"),
        }
    }

    /// Moves all but the newest of an instance's files to CloudWatch Logs, where some of the events come so many seconds
    /// late: those that are still to come cannot be read.
    pub fn export(self, instance: &mut Instance, late: i64) {
        let (log_type, prefix) = if self.is_postgres() { ("postgresql", "error/") } else { ("audit", "audit/") };
        instance.export(log_type, prefix).each_stream(|events| {
            events.iter_mut().filter(|event| event.at / 1000 % 7 == 0).for_each(|event| event.ingested += late * 1000);
            events.retain(|event| event.ingested < NOW * 1000);
        });
        let newest = instance.files.values().map(|file| file.last_written_ms).max();
        instance.files.retain(|_, file| Some(file.last_written_ms) == newest);
    }

    /// What the server writes when it opens a log, at every rotation.
    pub fn heading(self) -> &'static str {
        match self {
            Kind::MysqlGeneral => {
                "/rdsdbbin/mysql/bin/mysqld, Version: 8.0.40 (Source distribution). started with:\n\
                 Tcp port: 3306  Unix socket: /tmp/mysql.sock\n\
                 Time                 Id Command    Argument\n"
            }
            Kind::MariadbGeneral => {
                "/rdsdbbin/mysql/bin/mariadbd, Version: 10.11.18-MariaDB-log (Source distribution). started with:\n\
                 Tcp port: 3306  Unix socket: /tmp/mysql.sock\n\
                 Time\t\t    Id Command\tArgument\n"
            }
            _ => "",
        }
    }

    /// By how many seconds the records of a session are written late: those of audit logs are not in order (RDS and Aurora
    /// user guides).
    pub fn lag(self, session: usize) -> i64 {
        match self {
            Kind::MysqlAudit | Kind::AuroraAudit => (session % 4) as i64,
            _ => 0,
        }
    }

    /// The lines of a record, in a log whose last record is of the second `before`.
    pub fn lines(self, record: &Record<'_>, before: Option<i64>) -> String {
        match self {
            Kind::Stderr | Kind::AuroraStderr => stderr(record),
            Kind::Csv => csv(record),
            Kind::MysqlAudit => audit(record, &time(record.at).strftime("%Y%m%d %H:%M:%S").to_string(), true),
            Kind::AuroraAudit => audit(record, &format!("{}000000", record.at), false),
            Kind::MysqlGeneral => general(record, &time(record.at).strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()),
            // The time stands before the first record of a second alone, and its hour is padded with a blank.
            Kind::MariadbGeneral if before == Some(record.at) => general(record, "\t"),
            Kind::MariadbGeneral => general(record, &time(record.at).strftime("%y%m%d %k:%M:%S").to_string()),
        }
    }
}

pub fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// What PostgreSQL says in its records.
fn messages(record: &Record<'_>) -> Vec<String> {
    let Client { user, address, transport, .. } = record.client;
    let port = port(record);
    match record.what {
        What::Other => vec!["checkpoint starting: time".to_owned()],
        What::Connect => {
            let (application, mark) = match transport {
                Transport::Tls => ("api", " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"),
                Transport::Gss => ("batch", " GSS (authenticated=yes, encrypted=yes, principal=app@CORP)"),
                Transport::Plaintext | Transport::Local => ("report", ""),
            };
            vec![
                format!("connection received: host={address} port={port}"),
                format!("connection authorized: user={user} database=shop application_name={application}{mark}"),
            ]
        }
        What::Disconnect => {
            let open = record.at - record.begun;
            let time = format!("{}:{:02}:{:02}.067", open / HOUR, open / MINUTE % 60, open % MINUTE);
            vec![format!("disconnection: session time: {time} user={user} database=shop host={address} port={port}")]
        }
    }
}

fn port(record: &Record<'_>) -> usize {
    20_000 + record.session % 40_000
}

fn stderr(record: &Record<'_>) -> String {
    let time = time(record.at).strftime("%Y-%m-%d %H:%M:%S UTC");
    let Client { user, address, transport, .. } = record.client;
    let from = match transport {
        Transport::Local => address.clone(),
        _ => format!("{address}({})", port(record)),
    };
    let who = |message: &str| match (record.what, message) {
        (What::Other, _) => ":@".to_owned(),
        (_, message) if message.starts_with("connection received") => format!("{from}:[unknown]@[unknown]"),
        _ => format!("{from}:{user}@shop"),
    };
    let line = |message: String| format!("{time}:{}:[{}]:LOG:  {message}\n", who(&message), 300 + record.session);
    messages(record).into_iter().map(line).collect()
}

fn csv(record: &Record<'_>) -> String {
    let time = time(record.at).strftime("%Y-%m-%d %H:%M:%S.015 UTC").to_string();
    let begun = &time[..19];
    let Client { user, address, transport, .. } = record.client;
    let from = match transport {
        Transport::Local => address.clone(),
        _ => format!("{address}:{}", port(record)),
    };
    let number = 300 + record.session;
    let line = |message: String| {
        let who = match record.what {
            What::Other => ",,".to_owned(),
            _ if message.starts_with("connection received") => format!(",,{number},\"{from}\""),
            _ => format!("\"{user}\",\"shop\",{number},\"{from}\""),
        };
        let (who, kind) = if record.what == What::Other {
            (format!("{who}{number},"), "checkpointer")
        } else {
            (who, "client backend")
        };
        let tag = match record.what {
            What::Connect if message.starts_with("connection authorized") => "\"authentication\"",
            What::Disconnect => "\"idle\"",
            _ => "\"\"",
        };
        format!(
            "{time},{who},6b040ea0.{number:x},2,{tag},{begun} UTC,,0,LOG,00000,\"{message}\",,,,,,,,,\"\",\"{kind}\",,0\n"
        )
    };
    messages(record).into_iter().map(line).collect()
}

fn audit(record: &Record<'_>, time: &str, tells: bool) -> String {
    let Client { user, address, transport, .. } = record.client;
    let (address, carried) = match transport {
        Transport::Tls => (address.as_str(), "SSL"),
        Transport::Local => ("localhost", "SOCKET"),
        Transport::Plaintext | Transport::Gss => (address.as_str(), "TCP/IP"),
    };
    let head = format!("{time},ip-10-1-2-3,{user},{address},{}", record.session);
    let mark = if tells { format!(",{carried}") } else { String::new() };
    match record.what {
        What::Other => format!("{head},9,QUERY,shop,'select 1',0{}\n", if tells { ",," } else { "" }),
        What::Connect => format!("{head},0,CONNECT,shop,,0{mark}\n"),
        What::Disconnect => format!("{head},0,DISCONNECT,shop,,0{mark}\n"),
    }
}

fn general(record: &Record<'_>, time: &str) -> String {
    let Client { user, address, transport, .. } = record.client;
    let (address, carried) = match transport {
        Transport::Tls => (address.as_str(), "SSL/TLS"),
        Transport::Local => ("localhost", "Socket"),
        Transport::Plaintext | Transport::Gss => (address.as_str(), "TCP/IP"),
    };
    let said = match record.what {
        What::Other => "Query\tselect 1".to_owned(),
        What::Connect => format!("Connect\t{user}@{address} on shop using {carried}"),
        What::Disconnect => "Quit\t".to_owned(),
    };
    format!("{time}\t{:6} {said}\n", record.session)
}

/// When a file that holds this time was begun.
pub fn begun(at: i64, length: i64) -> i64 {
    debug_assert_eq!(length % HOUR, 0);
    at - at.rem_euclid(length)
}
