//! Evidence as tests make it up: readings of every kind of log of an engine, from files and from CloudWatch Logs, what
//! stands in them, and what CloudWatch measured.

use jiff::Timestamp;

use super::{Usage, add_up, metric};
use crate::bundle::fact::{Key, Tallied, table};
use crate::bundle::metric::{HOUR, Measure, Statistic};
use crate::bundle::{Hole, HoleCause, Measured, Reading, exported_source};
use crate::inventory::InstanceProfile;
use crate::window::Window;

/// A reading of an hour, and the one event in it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Which of [`places`], whatever their number.
    pub place: usize,
    /// Which hour, from the window's beginning on.
    pub hour: i64,
    /// Whether something of it is missing.
    pub torn: bool,
    /// `connected` and so on; none where nothing stands in it.
    pub event: Option<&'static str>,
    /// How that was carried.
    pub transport: &'static str,
    /// By whom.
    pub user: &'static str,
    /// Whether that is one of AWS's own.
    pub system: bool,
}

/// Where an engine's logs are: how the names of files begin, and the log groups.
pub(crate) fn places(profile: &InstanceProfile) -> Vec<String> {
    let logs = profile.known_engine().map_or(&[][..], |engine| engine.logs);
    let files = logs.iter().filter(|logs| !logs.prefix.is_empty()).map(|logs| logs.prefix.to_owned());
    let exports = logs.iter().filter_map(|logs| logs.export.as_ref());
    files.chain(exports.map(|export| format!("/aws/rds/instance/orders/{}", export.log_type))).collect()
}

/// What it adds up to. `open` is the hours and values of DatabaseConnections.
pub(crate) fn usage(profile: &InstanceProfile, window: Window, logs: &[Made], open: &[(i64, f64)]) -> Usage {
    let places = places(profile);
    let begin = window.from.as_second();
    let mut readings: Vec<Reading> = Vec::new();
    let mut facts: Vec<(Key, Tallied)> = Vec::new();
    for made in logs.iter().filter(|_| !places.is_empty()) {
        let hour = begin + made.hour * HOUR;
        let at = |second: i64| Timestamp::from_second(hour + second).expect("in range");
        let place = &places[made.place % places.len()];
        let source = match place.starts_with("/aws/") {
            true => exported_source(place, at(0)),
            false => format!("{place}.{}", made.hour),
        };
        if readings.iter().any(|reading| reading.source == source) {
            continue;
        }
        let session = made.event == Some("connected");
        let count = |is: bool| u64::from(is);
        readings.push(Reading {
            source: source.clone(),
            log: source.clone(),
            format: None,
            listed_bytes: 1,
            last_written: None,
            read_bytes: 1,
            span: Some(Window { from: at(0), to: at(HOUR) }),
            complete: !made.torn,
            records: count(made.event.is_some()),
            sessions: count(session),
            tls_sessions: count(session && made.transport == "tls"),
            unknown_sessions: count(session && made.transport == "unknown"),
            first_session_at: session.then(|| at(600)),
            last_session_at: session.then(|| at(600)),
            unparsed: 0,
            holes: match made.torn {
                true => vec![Hole { cause: HoleCause::Truncated, message: String::new() }],
                false => Vec::new(),
            },
        });
        facts.extend(fact(made, source, hour));
    }
    let mut measured = Measured::default();
    for statistic in [Statistic::Minimum, Statistic::Maximum] {
        let metric = metric::DATABASE_CONNECTIONS.to_owned();
        let measure = Measure { subject: profile.arn.clone(), metric, statistic };
        open.iter().for_each(|(hour, value)| measured.add(&measure, begin + hour * HOUR, *value));
    }
    let facts = table(&profile.arn, &facts).expect("a table");
    add_up(profile, (&readings, Some(facts)), &measured, window).expect("it adds up")
}

/// The event of a reading.
fn fact(made: &Made, source: String, hour: i64) -> Option<(Key, Tallied)> {
    let event = made.event?;
    let seen = (hour + 600) * 1_000_000;
    let key = Key {
        source,
        hour,
        event,
        transport: matches!(event, "connected" | "rejected").then_some(made.transport),
        tls_version: None,
        cipher: None,
        user: Some(made.user.to_owned()),
        database: None,
        address: Some("10.0.0.7".to_owned()),
        application: None,
        auth_method: None,
        cause: (event == "handshake_failed").then_some("probe"),
        system: made.system,
    };
    Some((key, Tallied { count: 1, first_seen: seen, last_seen: seen }))
}
