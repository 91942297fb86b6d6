//! What is known of an engine besides the formats of its logs: static data, each fact with its source.
//!
//! Rules elsewhere are generic and read these tables. A new engine adds a table and no rule.

use crate::ENGINES;
use crate::detect::Hints;
use crate::event::{Client, Micros, Text};
use crate::format::RecordParser;

/// The facts about one engine.
#[derive(Debug)]
pub struct Engine {
    /// The name in reports and in `--engine`.
    pub id: &'static str,
    /// The name that people use.
    pub title: &'static str,
    /// The names in the RDS API (`Engine`).
    pub aws_names: &'static [&'static str],
    /// The parsers that may read a log with this beginning.
    pub parsers: fn(&[u8], &Hints) -> Parsers,
    /// Users of AWS itself. Their sessions never decide a verdict.
    pub system_users: &'static [&'static str],
    /// Addresses from which only AWS's own agents connect.
    pub system_addresses: &'static [&'static str],
    /// Authentication methods in the log that stand for IAM database authentication, which requires TLS.
    pub iam_methods: &'static [&'static str],
    /// The CloudWatch namespace of `DatabaseConnections`. None if there is no such metric.
    ///
    /// Source: "Amazon CloudWatch metrics for Amazon RDS" in the RDS user guide, "Monitoring Amazon DocumentDB with
    /// CloudWatch" in the DocumentDB guide.
    pub metrics: Option<&'static str>,
    /// Whether CloudWatch counts its IAM logins (`IamDbAuthConnectionSuccess`).
    ///
    /// Source: "Troubleshooting for IAM DB authentication" in the RDS and Aurora user guides.
    pub counts_iam_logins: bool,
    /// The logs with its connection records, the one with the most facts first. Several may hold the same sessions.
    pub logs: &'static [Logs],
    /// Settings that switch TLS.
    pub tls_switches: &'static [TlsSwitch],
    /// The oldest version whose logs mark TLS, as `(major, minor)`. None if no version's logs do.
    pub marks_tls_from: Option<(u32, u32)>,
    /// Whether its log shows a client that enforced TLS rejects like a session without TLS.
    pub shows_rejected_as_sessions: bool,
    /// Where the certificate comes from, if an RDS certificate authority does not sign it.
    pub certificate_elsewhere: Option<&'static str>,
    /// Why clients cannot connect without TLS, if no setting switches that.
    pub always_tls: Option<&'static str>,
    /// Whether a session can end in another database than the one in which it began.
    pub changes_database: bool,
    /// What restarts for a new certificate.
    pub restart: Restart,
    /// How a client starts TLS. None if that is not known.
    pub tls_start: Option<TlsStart>,
    /// SQL that shows the transport of open sessions, on one line. A comment at its end says which privilege it needs. None
    /// if there is none.
    pub live_query: Option<&'static str>,
}

/// How a client starts TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStart {
    /// The first message is TLS. TLS may have a port of its own, which an option sets.
    Direct {
        /// The setting, `option NAME port`. None if it has the port of the endpoint.
        port: Option<&'static str>,
    },
    /// The client asks for TLS in the first message.
    ///
    /// Source: "SSL Session Encryption" in the PostgreSQL documentation.
    Postgres,
    /// The server begins, and the client answers with a request for TLS.
    ///
    /// Source: "Connection Phase" in the MySQL internals documentation.
    Mysql,
    /// The handshake is wrapped in messages of the protocol.
    ///
    /// Source: \[MS-TDS\], "PRELOGIN".
    Tds,
}

/// Parsers that may read a log, one for each format.
pub type Parsers = Vec<Box<dyn RecordParser>>;

/// One kind of log with connection records.
#[derive(Debug)]
pub struct Logs {
    /// The name of the kind: `general`, `audit`.
    pub kind: &'static str,
    /// The beginning of file names in the listing of the RDS API. None if the API lists none.
    pub prefix: Option<&'static str>,
    /// Endings of file names with the same records in another format.
    pub name_variants: &'static [&'static str],
    /// Settings that are required for it to hold sessions.
    pub switches: &'static [LogSwitch],
    /// Settings with which it holds more than the sessions.
    pub also: &'static [LogSwitch],
    /// Whether it records the transport of sessions.
    pub records_tls: bool,
    /// Bytes that a session takes with these settings, measured in the samples. None if the log holds every statement.
    pub bytes_a_session: Option<u64>,
    /// Whether RDS serves it as files. Otherwise it must be exported to CloudWatch Logs.
    pub available_as_file: bool,
    /// Whether it holds every session, with these settings. A log with some sessions proves TLS, never its absence: it
    /// covers no part of a window.
    pub logs_every_session: bool,
    /// The start of a file by its name, in microseconds since 1970. None if the name does not say.
    pub start_from_name: fn(&str) -> Option<Micros>,
    /// Whether clients can write whole records into it, with any time, because it holds raw statements.
    pub imitable: bool,
    /// Whether files are renamed as they rotate. Then only its first record shows which log a file is.
    pub rotates_by_rename: bool,
    /// Whether times without a zone are UTC: RDS's hosts run in UTC, and no setting changes that.
    pub in_utc: bool,
    /// How often a new file begins.
    pub rotation: LogRotation,
    /// How long files are kept.
    pub retention: Retention,
    /// How it reaches CloudWatch Logs. None if it cannot.
    pub export: Option<Export>,
}

/// How often a log begins a new file.
#[derive(Clone, Copy, Debug)]
pub struct LogRotation {
    /// The parameter that sets it, if one does.
    pub parameter: Option<&'static str>,
    /// Minutes, if the parameter is not set.
    pub default: i64,
}

/// How long the files of a log are kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// The parameter that sets it, if one does.
    pub parameter: Option<&'static str>,
    /// Minutes, if the parameter is not set.
    pub default: i64,
    /// The most minutes that the parameter can be set to.
    pub max: i64,
}

impl Retention {
    /// A time, in minutes, that cannot be changed.
    pub const fn fixed(minutes: i64) -> Self {
        Self { parameter: None, default: minutes, max: minutes }
    }
}

/// How a log is exported to CloudWatch Logs.
#[derive(Debug)]
pub struct Export {
    /// The log type, as `EnabledCloudwatchLogsExports` names it.
    pub log_type: &'static str,
    /// Names that its log groups may have. `{instance}` and `{cluster}` stand for identifiers. Members of a cluster have
    /// streams in the groups of the cluster, and none elsewhere.
    pub groups: &'static [&'static str],
    /// Whether every record has its own time there. Otherwise a record has the time of the line before, which may be a
    /// client's: the sessions count, but the log covers nothing.
    pub dated: bool,
    /// Phrases that filter connection records in CloudWatch: every record holds one. They begin and end with whole words,
    /// by any definition of a word. None if a record cannot be read without the lines around it.
    pub terms: Option<&'static [&'static str]>,
}

impl Engine {
    /// An engine of which nothing else is known. Tables fill in what is.
    pub(crate) const fn new(id: &'static str, title: &'static str, aws_names: &'static [&'static str]) -> Self {
        Self {
            id,
            title,
            aws_names,
            parsers: |_, _| Vec::new(),
            system_users: &[],
            system_addresses: &[],
            iam_methods: &[],
            metrics: Some("AWS/RDS"),
            counts_iam_logins: false,
            logs: &[],
            tls_switches: &[],
            marks_tls_from: None,
            shows_rejected_as_sessions: false,
            certificate_elsewhere: None,
            always_tls: None,
            changes_database: false,
            restart: Restart::AsTheApiSays,
            tls_start: None,
            live_query: None,
        }
    }
}

impl Logs {
    /// A log of hourly files that is always written and holds every session, without their transport.
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            prefix: None,
            name_variants: &[],
            switches: &[],
            also: &[],
            records_tls: false,
            bytes_a_session: None,
            available_as_file: true,
            logs_every_session: true,
            start_from_name: |_| None,
            imitable: false,
            rotates_by_rename: false,
            in_utc: true,
            rotation: LogRotation { parameter: None, default: 60 },
            retention: Retention::fixed(0),
            export: None,
        }
    }

    /// Whether a file of this name is one of its files.
    pub fn has_file(&self, name: &str) -> bool {
        self.prefix.is_some_and(|prefix| name.starts_with(prefix))
    }
}

impl LogSwitch {
    /// A switch that is off by default and takes effect without a restart.
    pub(crate) const fn new(parameter: &'static str, source: &'static str) -> Self {
        Self { parameter, on: &["on"], default: "off", set_to: "1", member: None, needs_restart: false, source }
    }
}

impl TlsSwitch {
    /// A parameter that enforces TLS if it is on.
    pub(crate) const fn new(parameter: &'static str, source: &'static str) -> Self {
        Self { parameter, enforces: Values::Only(&["on"]), decides: false, rules_out: &[], unless: &[], source }
    }
}

/// A setting that switches TLS: a parameter, or an [`option`](OPTION). Values are compared by [`setting`].
#[derive(Debug)]
pub struct TlsSwitch {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Values with which a client cannot connect without TLS.
    pub enforces: Values,
    /// Whether these values alone prove that TLS is in use, with or without clients.
    pub decides: bool,
    /// Values with which a client cannot connect with TLS.
    pub rules_out: &'static [&'static str],
    /// Parameters that must be known to have no value. Otherwise the values rule nothing out.
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

/// The beginning of the names of settings in option groups. `option SSL` is `on` or `off`. `option MARIADB_AUDIT_PLUGIN
/// SERVER_AUDIT_EVENTS` is a setting of an option.
pub const OPTION: &str = "option ";

/// A parameter that must be on for sessions to be logged.
#[derive(Debug)]
pub struct LogSwitch {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Values, or members of a list of values, with which sessions are logged.
    pub on: &'static [&'static str],
    /// The value if the group sets none.
    pub default: &'static str,
    /// The value that switches it on.
    pub set_to: &'static str,
    /// The member that is added to a list. None if the value is no list.
    pub member: Option<&'static str>,
    /// Whether a change needs a restart.
    pub needs_restart: bool,
    /// Where this is documented.
    pub source: &'static str,
}

/// What restarts for a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The API says it for each engine version (`SupportsCertificateRotationWithoutRestart`).
    AsTheApiSays,
    /// Only the listener: open sessions stay, new ones wait.
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

    /// The log of a file in a listing, if it can hold connection records.
    pub fn logs_of(&self, name: &str) -> Option<&'static Logs> {
        self.logs.iter().find(|logs| logs.has_file(name))
    }

    /// The index of the log that is exported as a log type.
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

    /// The name that all files with the same records share: without the endings of other formats and of compression.
    pub fn log_identity<'n>(&self, name: &'n str) -> &'n str {
        let mut identity = name;
        let variants = self.logs.iter().flat_map(|logs| logs.name_variants);
        for ending in [".gz"].iter().chain(variants) {
            identity = identity.strip_suffix(ending).unwrap_or(identity);
        }
        identity
    }

    /// Whether logs of this version mark TLS. True for a version that cannot be parsed: all but the oldest do.
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
    /// Whether sessions are logged with this value, which may be a list. None stands for the default.
    pub fn is_on(&self, value: Option<&str>) -> bool {
        value.unwrap_or(self.default).split(',').any(|member| self.on.contains(&setting(member).as_str()))
    }
}

/// A parameter's value in one spelling: lower case, and `on` or `off` for all spellings of a switch.
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

    /// Without the privilege, a view may show only one's own session: then "no TLS" is wrong.
    #[test]
    fn a_live_query_is_one_line_and_says_what_it_needs() {
        let queries: Vec<_> = crate::ENGINES.iter().filter_map(|engine| engine.live_query).collect();
        assert!(queries.len() > 5);
        for query in &queries {
            let (sql, comment) = query.split_once(" -- ").expect("a comment at the end");
            assert!(sql.starts_with("SELECT ") && sql.ends_with(';') && comment.contains("needs "), "{query}");
            assert!(!query.contains('\n') && !query.contains("  "), "{query}");
            // Where it stands in a text, it is found by its words.
            let others = queries.iter().filter(|other| other.contains(query) && *other != query);
            assert_eq!(others.count(), 0, "{query}");
        }
    }
}
