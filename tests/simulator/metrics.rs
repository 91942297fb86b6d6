//! What CloudWatch measures of an instance, and trouble on the way to its logs.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::client::{Client, HOUR, MINUTE, Transport};
use super::log::{begun, time};
use super::{BEGIN, NOW};
use crate::fake_aws::{Calls, Fault, FaultKind, Metric};

/// The metrics: some are not there, and some have holes.
pub fn of(rng: &mut Rng, id: &str, clients: &[Client], proxied: bool) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let holes = rng.u8(..5) == 0;
    let mut measured = |rng: &mut Rng, of: &str, name: &str, samples: Vec<(i64, f64)>| {
        let known = |_: &(i64, f64)| !holes || rng.u8(..4) > 0;
        let samples = samples.into_iter().filter(known).map(|(at, value)| (time(at), value)).collect();
        let (of, name, namespace) = (of.to_owned(), name.to_owned(), "AWS/RDS".to_owned());
        metrics.push(Metric { of, namespace, name, samples, status: None, message: None });
    };
    if rng.u8(..6) > 0 {
        measured(rng, id, "DatabaseConnections", open(clients));
    }
    if rng.u8(..6) > 0 {
        let mut logins: BTreeMap<i64, f64> = hours().map(|hour| (hour, 0.0)).collect();
        for (from, _) in clients.iter().filter(|client| client.iam).flat_map(|client| &client.sessions) {
            if let Some(count) = logins.get_mut(&begun(*from, HOUR)) {
                *count += 1.0;
            }
        }
        measured(rng, id, "IamDbAuthConnectionSuccess", logins.into_iter().collect());
    }
    if proxied && rng.bool() {
        let tls = clients.iter().any(Client::is_tls);
        let values = hours().map(|hour| (hour, f64::from(u8::from(tls)))).collect();
        measured(rng, &format!("proxy-{id}"), "DatabaseConnectionsWithTLS", values);
    }
    metrics
}

fn hours() -> impl Iterator<Item = i64> {
    (begun(BEGIN, HOUR)..NOW).step_by(HOUR as usize)
}

/// The fewest sessions over the network and the most that were open in each hour, of what is measured once a minute.
fn open(clients: &[Client]) -> Vec<(i64, f64)> {
    let first = begun(BEGIN, HOUR);
    let minutes = usize::try_from((NOW - first) / MINUTE).unwrap_or(0);
    let mut change = vec![0.0; minutes + 1];
    // The minutes at which a session is open: from the first one behind its beginning.
    let minute = |at: i64| usize::try_from((at - first + MINUTE - 1).max(0) / MINUTE).unwrap_or(0).min(minutes);
    let remote = clients.iter().filter(|client| client.transport != Transport::Local);
    for (from, to) in remote.flat_map(|client| &client.sessions) {
        change[minute(*from)] += 1.0;
        change[minute(*to)] -= 1.0;
    }
    let mut now = 0.0;
    for value in &mut change {
        now += *value;
        *value = now;
    }
    let of_hour = |(hour, values): (i64, &[f64])| {
        let fewest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        [(hour, fewest), (hour + MINUTE, most)]
    };
    hours().zip(change[..minutes].chunks(60)).flat_map(of_hour).collect()
}

/// Calls that go wrong: for a while, for one way of reading logs, or for both.
pub fn faults(rng: &mut Rng, id: &str) -> Vec<Fault> {
    let denied = |action| Fault::new(FaultKind::AccessDenied).on(action).of(id).at(Calls::Every);
    match rng.u8(..6) {
        0..2 => vec![Fault::new(FaultKind::CutBody).on("DownloadCompleteDBLogFile").of(id).at(Calls::First(1))],
        2..5 => vec![denied("DownloadCompleteDBLogFile")],
        _ => vec![denied("DownloadCompleteDBLogFile"), denied("DownloadDBLogFilePortion")],
    }
}
