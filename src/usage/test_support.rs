//! Evidence as tests make it up: readings of every kind of log of an engine, from files and from CloudWatch Logs, what
//! stands in them, and what CloudWatch measured.

use jiff::Timestamp;

use super::{Ignores, Usage, add_up, metric};
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::metric::{HOUR, Measure, Statistic};
use crate::bundle::{Facts, GapCause, LogGap, LogRead, Measured, exported_source};
use crate::inventory::InstanceProfile;
use crate::sessions::InstanceSamples;
use crate::window::Window;

/// A log read of an hour, and the one event in it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Which of [`sources`], whatever their number.
    pub place: usize,
    /// Which hour, from the window's beginning on.
    pub hour: i64,
    /// Whether something of it is missing.
    pub torn: bool,
    /// `connected` and so on; none where nothing stands in it.
    pub event: Option<&'static str>,
    /// Its transport.
    pub transport: &'static str,
    /// Its user.
    pub user: &'static str,
    /// Whether that is one of AWS's own.
    pub system: bool,
}

/// Where an engine's logs are: how the names of files begin, and the log groups.
pub(crate) fn sources(profile: &InstanceProfile) -> Vec<String> {
    let logs = profile.known_engine().map_or(&[][..], |engine| engine.logs);
    let files = logs.iter().filter_map(|logs| logs.prefix.map(str::to_owned));
    let exports = logs.iter().filter_map(|logs| logs.export.as_ref());
    files.chain(exports.map(|export| format!("/aws/rds/instance/orders/{}", export.log_type))).collect()
}

impl Made {
    /// When the hour begins, in seconds since 1970.
    fn begin(&self, window: Window) -> i64 {
        window.from.as_second() + self.hour * HOUR
    }

    fn source(&self, place: &str, window: Window) -> String {
        let begin = Timestamp::from_second(self.begin(window)).expect("in range");
        if place.starts_with("/aws/") { exported_source(place, begin) } else { format!("{place}.{}", self.hour) }
    }

    fn reading(&self, source: &str, window: Window) -> LogRead {
        let at = |second: i64| Timestamp::from_second(self.begin(window) + second).expect("in range");
        let session = self.event == Some("connected");
        let gap = LogGap { cause: GapCause::Truncated, message: String::new() };
        LogRead {
            source: source.to_owned(),
            log: source.to_owned(),
            format: None,
            log_line_prefix: None,
            listed_bytes: 1,
            last_written: None,
            read_bytes: 1,
            span: Some(Window { from: at(0), to: at(HOUR) }),
            complete: !self.torn,
            records: u64::from(self.event.is_some()),
            sessions: u64::from(session),
            tls_sessions: u64::from(session && self.transport == "tls"),
            unknown_sessions: u64::from(session && self.transport == "unknown"),
            first_session_at: session.then(|| at(600)),
            last_session_at: session.then(|| at(600)),
            unparsed: 0,
            gaps: if self.torn { vec![gap] } else { Vec::new() },
            connection_ids: Vec::new(),
        }
    }

    fn fact(&self, source: String, window: Window) -> Option<(Key, Tallied)> {
        let event = self.event?;
        let seen = (self.begin(window) + 600) * 1_000_000;
        let key = Key {
            source,
            hour: self.begin(window),
            event,
            transport: matches!(event, "connected" | "rejected").then_some(self.transport),
            tls_version: None,
            cipher: None,
            user: Some(self.user.to_owned()),
            database: None,
            address: Some("10.0.0.7".to_owned()),
            application: None,
            auth_method: None,
            cause: (event == "handshake_failed").then_some("probe"),
            system: self.system,
            open: None,
        };
        Some((key, Tallied { count: 1, first_seen: seen, last_seen: seen }))
    }
}

/// What it adds up to. `open` is the hours and values of `DatabaseConnections`.
pub(crate) fn usage(profile: &InstanceProfile, window: Window, logs: &[Made], open: &[(i64, f64)]) -> Usage {
    usage_without(profile, window, (logs, open), &|_| None)
}

/// The same, under a policy that ignores clients.
pub(crate) fn usage_without(
    profile: &InstanceProfile,
    window: Window,
    (logs, open): (&[Made], &[(i64, f64)]),
    ignores: Ignores<'_>,
) -> Usage {
    let sources = sources(profile);
    let mut readings: Vec<LogRead> = Vec::new();
    let mut facts: Vec<(Key, Tallied)> = Vec::new();
    for made in logs.iter().filter(|_| !sources.is_empty()) {
        let source = made.source(&sources[made.place % sources.len()], window);
        if readings.iter().any(|reading| reading.source == source) {
            continue;
        }
        readings.push(made.reading(&source, window));
        facts.extend(made.fact(source, window));
    }
    let mut measured = Measured::default();
    for statistic in [Statistic::Minimum, Statistic::Maximum] {
        let metric = metric::DATABASE_CONNECTIONS.to_owned();
        let measure = Measure { subject: profile.arn.clone(), metric, statistic };
        let begin = window.from.as_second();
        open.iter().for_each(|(hour, value)| measured.add(&measure, begin + hour * HOUR, *value));
    }
    let facts = Some(Facts::of(&facts));
    add_up(profile, (&readings, facts), (&measured, &InstanceSamples::default()), (window, 0.95), ignores)
}

/// A log that was read, and shows nothing.
pub(crate) fn reading_of(source: &str) -> LogRead {
    LogRead { source: source.to_owned(), log: source.to_owned(), ..LogRead::default() }
}

/// Sessions of these transports, in the facts of a log.
pub(crate) fn facts_of(source: &str, transports: &[&'static str]) -> Facts {
    let facts: Vec<_> = transports.iter().map(|transport| session(source, 0, transport)).collect();
    Facts::of(&facts)
}

/// Sessions of one client, by the second in which each was seen, and their transport.
pub(crate) fn facts_at(sessions: &[(i64, &'static str)]) -> Facts {
    let facts: Vec<_> = sessions.iter().map(|(at, transport)| session("a.log", *at, transport)).collect();
    Facts::of(&facts)
}

fn session(source: &str, at: i64, transport: &'static str) -> (Key, Tallied) {
    let key = Key {
        source: source.to_owned(),
        hour: at - at.rem_euclid(HOUR),
        event: "connected",
        transport: Some(transport),
        tls_version: None,
        cipher: None,
        user: Some("app".to_owned()),
        database: None,
        address: Some("10.0.0.7".to_owned()),
        application: None,
        auth_method: None,
        cause: None,
        system: false,
        open: None,
    };
    (key, Tallied { count: 1, first_seen: at * 1_000_000, last_seen: at * 1_000_000 })
}
