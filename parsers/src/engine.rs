//! What is known of an engine besides its logs' formats: static data, each row with its source.
//!
//! Rules elsewhere are generic and read these tables, so that adding an engine adds a table and no rule.

use crate::ENGINES;
use crate::detect::Hints;
use crate::event::{Client, Micros, Text};
use crate::format::RecordParser;

/// Everything the tool knows of one engine.
#[derive(Debug)]
pub struct Engine {
    /// The name used in reports and by `--engine`.
    pub id: &'static str,
    /// The name people use.
    pub title: &'static str,
    /// `Engine` of the RDS API.
    pub aws_names: &'static [&'static str],
    /// The parsers that a log beginning with these bytes may be for.
    pub parsers: fn(&[u8], &Hints) -> Parsers,
    /// Users that are AWS's own; what they do never decides a verdict.
    pub system_users: &'static [&'static str],
    /// Addresses that only AWS's own agents connect from.
    pub system_addresses: &'static [&'static str],
    /// Authentication methods, as the log names them, that stand for IAM database authentication, which needs TLS.
    pub iam_methods: &'static [&'static str],
    /// The CloudWatch namespace of its instances' `DatabaseConnections`; none where there is no such metric.
    ///
    /// Source: "Amazon CloudWatch metrics for Amazon RDS" in the RDS user guide, "Monitoring Amazon DocumentDB with
    /// CloudWatch" in the DocumentDB guide.
    pub metrics: Option<&'static str>,
    /// Whether CloudWatch counts its logins by IAM (`IamDbAuthConnectionSuccess`).
    ///
    /// Source: "Troubleshooting for IAM DB authentication" in the RDS and Aurora user guides.
    pub counts_iam_logins: bool,
    /// Where its connection records are, the kind of log that tells most first. Several kinds may hold the same sessions.
    pub logs: &'static [Logs],
    /// Settings that switch TLS.
    pub tls_switches: &'static [TlsSwitch],
    /// Oldest version whose logs mark TLS, as `(major, minor)`; none where no version's logs do.
    pub marks_tls_from: Option<(u32, u32)>,
    /// Where the certificate comes from, when it is none that RDS signs.
    pub certificate_elsewhere: Option<&'static str>,
    /// Why clients cannot connect without TLS, where no setting switches that.
    pub always_tls: Option<&'static str>,
    /// Whether a session can end in another database than the one that it began in.
    pub changes_database: bool,
    /// What a new certificate costs.
    pub restart: Restart,
    /// What a DBA can run to see the transport of the sessions that are open now; empty where there is nothing.
    pub live_query: &'static str,
}

/// Parsers that a log may be for, each for one format.
pub type Parsers = Vec<Box<dyn RecordParser>>;

/// One kind of log files that hold connection records.
#[derive(Debug)]
pub struct Logs {
    /// What the kind is called: `general`, `audit`.
    pub kind: &'static str,
    /// How their names begin, in the listing of the RDS API; empty where that API serves none.
    pub prefix: &'static str,
    /// Endings of names that hold the same records in another format.
    pub name_variants: &'static [&'static str],
    /// Settings without which it does not hold sessions.
    pub switches: &'static [LogSwitch],
    /// Settings with which it tells more than the sessions.
    pub also: &'static [LogSwitch],
    /// Whether it tells how sessions are carried.
    pub records_tls: bool,
    /// Bytes that a session takes, about, with these settings, as the samples have it; none where every statement is
    /// written, however few the sessions are.
    pub bytes_a_session: Option<u64>,
    /// Whether RDS serves it as files; else it can be read only where it is exported.
    pub available_as_file: bool,
    /// Whether, with these, it holds every session. One that holds only some proves TLS, and never its absence: it
    /// covers no part of a window.
    pub logs_every_session: bool,
    /// When a file of this name was begun, if the name tells; in microseconds since 1970, UTC.
    pub start_from_name: fn(&str) -> Option<Micros>,
    /// Whether clients can write whole records into it, with any time: its statements are written as they are.
    pub imitable: bool,
    /// Whether a name passes from file to file, so that only its first record tells which log a file is.
    pub rotates_by_rename: bool,
    /// Whether times that name no zone are UTC, because RDS's hosts run in it and no setting changes that.
    pub in_utc: bool,
    /// The parameter that says after how many minutes a new file is begun, and its default.
    pub rotation: (&'static str, i64),
    /// The parameter that says for how many minutes files are kept, its default, and its maximum. No parameter is named
    /// where it cannot be changed.
    pub retention: (&'static str, i64, i64),
    /// How it reaches CloudWatch Logs; none where it cannot.
    pub export: Option<Export>,
}

/// How a kind of log is exported to CloudWatch Logs.
#[derive(Debug)]
pub struct Export {
    /// The log type, as `EnabledCloudwatchLogsExports` names it.
    pub log_type: &'static str,
    /// Names that its log groups may have, where `{instance}` and `{cluster}` stand for identifiers. Members of a cluster
    /// have one stream or more each in the groups of the cluster, and none elsewhere.
    pub groups: &'static [&'static str],
    /// Whether every record has a time of its own there. Where one has not, it has that of the line before, which may be a
    /// client's: what the log shows counts, but it covers nothing.
    pub dated: bool,
    /// Phrases of which every connection record holds one, so that CloudWatch can be asked for those records alone. They
    /// begin and end with whole words, whatever CloudWatch takes for one. None where a record cannot be read without
    /// what stands around it.
    pub terms: Option<&'static [&'static str]>,
}

/// A setting that switches TLS: a parameter, or an [`option`](OPTION). Values are compared by [`setting`].
#[derive(Debug)]
pub struct TlsSwitch {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Values with which a client cannot connect without TLS.
    pub enforces: Values,
    /// Whether that alone means that TLS is in use, whether clients are seen or not.
    pub decides: bool,
    /// Values with which a client cannot connect with TLS.
    pub rules_out: &'static [&'static str],
    /// Parameters that must be known to have no value for that to be believed.
    pub unless: &'static [&'static str],
    /// Where this is documented.
    pub source: &'static str,
}

/// Values of a setting.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// These.
    Only(&'static [&'static str]),
    /// All others.
    AllBut(&'static [&'static str]),
}

impl Values {
    /// No value at all.
    pub const NONE: Self = Self::Only(&[]);

    /// Whether no value is one of them.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Only([]))
    }

    /// Whether a value, as [`setting`] spells it, is one of them.
    pub fn contain(&self, value: &str) -> bool {
        match self {
            Self::Only(values) => values.contains(&value),
            Self::AllBut(values) => !values.contains(&value),
        }
    }
}

/// What the names of settings begin with that are options of an option group: `option SSL` is `on` or `off`, and
/// `option MARIADB_AUDIT_PLUGIN SERVER_AUDIT_EVENTS` is a setting of one.
pub const OPTION: &str = "option ";

/// A parameter that must be on for sessions to be logged.
#[derive(Debug)]
pub struct LogSwitch {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Values, or members of a list of values, with which sessions are logged.
    pub on: &'static [&'static str],
    /// The value that it has where the group gives none.
    pub default: &'static str,
    /// The value that switches it on.
    pub set_to: &'static str,
    /// What is added to a list that has other members; none where the value is no list.
    pub member: Option<&'static str>,
    /// Whether a change needs a restart.
    pub needs_restart: bool,
    /// Where this is documented.
    pub source: &'static str,
}

/// What a new certificate costs an instance of this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// What the API says of the engine version (`SupportsCertificateRotationWithoutRestart`).
    AsTheApiSays,
    /// Only the listener: sessions live on, new ones wait.
    Listener,
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Engine {}

impl Engine {
    /// The engine of this name.
    pub fn named(id: &str) -> Option<&'static Self> {
        ENGINES.iter().copied().find(|engine| engine.id == id)
    }

    /// The kind of log that a name in a listing is, if it can hold connection records.
    pub fn logs_of(&self, name: &str) -> Option<&'static Logs> {
        self.logs.iter().find(|logs| !logs.prefix.is_empty() && name.starts_with(logs.prefix))
    }

    /// The place in the list of logs of the kind that is exported as a log type.
    pub fn exported_as(&self, log_type: &str) -> Option<usize> {
        let is = |logs: &Logs| logs.export.as_ref().is_some_and(|export| export.log_type == log_type);
        self.logs.iter().position(is)
    }

    /// Whether a client is AWS's own.
    pub fn is_system(&self, client: &Client<'_>) -> bool {
        let is = |text: &Option<Text<'_>>, names: &[&str]| {
            text.as_deref().is_some_and(|text| names.iter().any(|name| name.as_bytes() == text))
        };
        is(&client.user, self.system_users) || is(&client.address, self.system_addresses)
    }

    /// The name that all files with the same records share: without the endings of other formats and of packing.
    pub fn log_identity<'n>(&self, name: &'n str) -> &'n str {
        let mut identity = name;
        let twins = self.logs.iter().flat_map(|logs| logs.name_variants);
        for ending in [".gz"].iter().chain(twins) {
            identity = identity.strip_suffix(ending).unwrap_or(identity);
        }
        identity
    }

    /// Whether logs of this version mark TLS; true for a version that cannot be read, for all but the oldest do.
    pub fn marks_tls(&self, version: &str) -> bool {
        let Some(from) = self.marks_tls_from else { return false };
        let mut parts = version.split('.').map(|part| part.parse::<u32>());
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= from,
            (Some(Ok(major)), _) => major >= from.0,
            _ => true,
        }
    }
}

impl LogSwitch {
    /// Whether sessions are logged with this value, which may be a list; none is the default.
    pub fn is_on(&self, value: Option<&str>) -> bool {
        value.unwrap_or(self.default).split(',').any(|member| self.on.contains(&setting(member).as_str()))
    }
}

/// A parameter's value in one spelling: lower case, and `on` or `off` for any of a switch's spellings.
pub fn setting(value: &str) -> String {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "1" | "true" | "yes" | "on" => "on".to_owned(),
        "0" | "false" | "no" | "off" => "off".to_owned(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use crate::postgres::ENGINE;

    #[test]
    fn files_with_the_same_records_share_an_identity() {
        for name in ["error/postgresql.log.2026-11-23-10", "error/postgresql.log.2026-11-23-10.csv"] {
            assert_eq!(ENGINE.log_identity(name), "error/postgresql.log.2026-11-23-10");
        }
        assert_eq!(
            ENGINE.log_identity("error/postgresql.log.2026-11-23-1000.csv.gz"),
            "error/postgresql.log.2026-11-23-1000"
        );
    }

    #[test]
    fn a_list_logs_sessions_only_with_authorization_in_it() {
        let [connections] = ENGINE.logs[0].switches else { panic!("one switch") };
        assert!(["1", "on", "TRUE", "all", "receipt,authorization"].iter().all(|value| connections.is_on(Some(value))));
        assert!(
            ["0", "", "off", "receipt", "receipt,authentication"].iter().all(|value| !connections.is_on(Some(value)))
        );
    }

    #[test]
    fn only_old_versions_cannot_mark_tls() {
        assert!(ENGINE.marks_tls("9.4") && ENGINE.marks_tls("16.4") && ENGINE.marks_tls("?"));
        assert!(!ENGINE.marks_tls("9.3.25") && !ENGINE.marks_tls("8.4"));
    }
}
