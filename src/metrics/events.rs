//! Restarts of instances, from the events of the RDS API (`DescribeEvents`).
//!
//! A restart ends all sessions of an instance, so it settles whether old ones may still be open. Events of AWS prove it; text
//! in a log does not, because clients and log rotation can imitate it. An event without a proof is left out.

use std::collections::BTreeMap;

use aws_sdk_rds::operation::describe_events::DescribeEventsOutput;
use aws_sdk_rds::types::{Event as ApiEvent, SourceType};
use jiff::Timestamp;

use crate::aws::{Aws, list};
use crate::bundle::Measured;
use crate::bundle::metric::{HOUR, Measure, Statistic, name};
use crate::error::Result;
use crate::inventory::{Fleet, InstanceProfile};
use crate::problem::Problem;

const ACTION: &str = "rds:DescribeEvents";

/// Minutes for which AWS keeps events: 14 days.
///
/// Source: `DescribeEvents` in the RDS API reference.
const KEPT_MINUTES: i32 = 14 * 24 * 60;

/// What an event of an instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The engine was restarted.
    Restarted,
    /// The instance was started, after it had been stopped.
    Started,
    /// The instance was shut down or stopped.
    Shutdown,
}

/// Texts of events with category `availability` or `notification`. The API has no event numbers.
///
/// A failover needs no row: an instance that it restarts has an event of its own, and one that it does not restart keeps its
/// sessions.
///
/// Source: "Amazon RDS event categories and event messages" in the RDS and Aurora user guides. The full stop that they print
/// is missing in answers of the API ("How are my connections handled when I reboot my Amazon RDS instance" at AWS re:Post).
const MESSAGES: &[(&str, Meaning)] = &[
    // RDS-EVENT-0006.
    ("DB instance restarted", Meaning::Restarted),
    // RDS-EVENT-0088.
    ("DB instance started", Meaning::Started),
    // RDS-EVENT-0004.
    ("DB instance shutdown", Meaning::Shutdown),
    // RDS-EVENT-0087.
    ("DB instance stopped", Meaning::Shutdown),
];

/// What the event "DB instance restarted" proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// All sessions ended.
    Always,
    /// All sessions ended, unless a patch without downtime kept them.
    UnlessPatched,
    /// All sessions ended if the instance was shut down before, and neither patched nor failed over to.
    AfterShutdown,
    /// Nothing: the event may be about a standby.
    Never,
}

/// Engines whose restarts need not end all sessions, by the beginning of their names in the API; the first row that matches
/// counts.
const PROOFS: &[(&str, Proof)] = &[
    // Zero-downtime patching (ZDP): "Minor release upgrades and zero-downtime patching" in the Aurora user guide.
    ("aurora-postgresql", Proof::UnlessPatched),
    // Also zero-downtime restart (ZDR), by which Aurora itself restarts an instance after an error: "Zero-downtime restart (ZDR)
    // for Amazon Aurora MySQL" and "Using zero-downtime patching" in the Aurora user guide. Their events say so, but events may
    // be missing ("Monitoring Amazon Aurora events"), so an ordinary shutdown must be seen too.
    ("aurora", Proof::AfterShutdown),
    // A Multi-AZ instance reports restarts of both its nodes ("How are my connections handled when I reboot my Amazon RDS
    // instance with or without a failover?" at AWS re:Post).
    ("sqlserver", Proof::Never),
];

/// Words, in lower case, of events about restarts that may keep sessions.
const KEEPS: &[&str] = &["zero-downtime", "zero downtime", "zdr", "zdp", "preserved", "patch", "upgrad"];
/// The same of a failover.
const FAILOVER: &str = "failover";

/// How far from a restart an event about it may be, in seconds. An upgrade is reported when all instances are done.
const NEAR: i64 = 3 * HOUR;
/// The longest that an instance is down between its shutdown and its restart, in seconds.
const DOWN: i64 = HOUR / 2;

/// An event: when it was recorded, in seconds since 1970 (UTC), and its text.
type Event = (i64, String);

/// Adds the restarts of a fleet's instances that are proven and were recorded by `until`. Returns what could not be asked.
pub(super) async fn take(aws: &Aws, fleet: &Fleet, until: Timestamp, measured: &mut Measured) -> Vec<Problem> {
    if fleet.instances.is_empty() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let Some(of_instances) = heard(listed(aws, SourceType::DbInstance).await, &mut problems) else { return problems };
    let of_clusters = match needs_clusters(fleet) {
        true => heard(listed(aws, SourceType::DbCluster).await, &mut problems),
        false => None,
    };
    for profile in &fleet.instances {
        let of_instance = of_instances.get(&profile.arn).map(Vec::as_slice).unwrap_or_default();
        let cluster = profile.cluster.as_ref().map(|cluster| cluster_arn(profile, cluster));
        let of_cluster = cluster.zip(of_clusters.as_ref());
        let of_cluster = of_cluster.map(|(arn, all)| all.get(&arn).map(Vec::as_slice).unwrap_or_default());
        let measure =
            Measure { subject: profile.arn.clone(), metric: name::RESTART.to_owned(), statistic: Statistic::Maximum };
        for at in restarts(&profile.engine, of_instance, of_cluster, until.as_second()) {
            let second = at.rem_euclid(HOUR);
            measured.add(&measure, at - second, second as f64);
        }
    }
    problems
}

/// Listings that [`take`] reads.
pub(super) fn listings(fleet: &Fleet) -> u64 {
    u64::from(!fleet.instances.is_empty()) + u64::from(needs_clusters(fleet))
}

/// Whether events of clusters bear on any restart.
fn needs_clusters(fleet: &Fleet) -> bool {
    fleet.instances.iter().any(|profile| matches!(proof(&profile.engine), Proof::UnlessPatched | Proof::AfterShutdown))
}

fn proof(engine: &str) -> Proof {
    PROOFS.iter().find(|(name, _)| engine.starts_with(name)).map_or(Proof::Always, |(_, proof)| *proof)
}

fn cluster_arn(profile: &InstanceProfile, cluster: &str) -> String {
    let owner = profile.arn.rsplit_once(":db:").map_or(profile.arn.as_str(), |(owner, _)| owner);
    format!("{owner}:cluster:{cluster}")
}

fn heard<T>(answer: Result<T>, problems: &mut Vec<Problem>) -> Option<T> {
    answer.map_err(|error| problems.push(Problem::from(&error))).ok()
}

/// The events of a region, by the ARN of their source.
async fn listed(aws: &Aws, source: SourceType) -> Result<BTreeMap<String, Vec<Event>>> {
    let call = aws.rds.describe_events().source_type(source).duration(KEPT_MINUTES);
    let ask = |marker| call.clone().set_marker(marker).send();
    let found = list(&aws.region, ACTION, ask, |page: DescribeEventsOutput| (page.events, page.marker)).await?;
    let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in &found {
        if let Some((source, event)) = known(event) {
            events.entry(source).or_default().push(event);
        }
    }
    Ok(events)
}

fn known(event: &ApiEvent) -> Option<(String, Event)> {
    Some((event.source_arn()?.to_owned(), (event.date()?.secs(), event.message()?.to_owned())))
}

/// When an instance was restarted, by its events and by those of its cluster, which are unknown where there are none to look
/// at. In seconds since 1970.
///
/// Events come out of order, so a restart counts only once all that belongs to it must have come too.
fn restarts(engine: &str, of_instance: &[Event], of_cluster: Option<&[Event]>, until: i64) -> Vec<i64> {
    let proof = proof(engine);
    let meant = |wanted: Meaning| of_instance.iter().filter(move |(_, text)| meaning(text) == Some(wanted));
    let is_near = |at: i64, words: &[&str]| {
        let near = of_instance.iter().chain(of_cluster.unwrap_or_default());
        let mut near = near.filter(|(other, _)| (at - NEAR..=at + NEAR).contains(other));
        near.any(|(_, text)| {
            let text = text.to_lowercase();
            words.iter().any(|word| text.contains(word))
        })
    };
    let is_whole = |at: i64| of_cluster.is_some() && at + NEAR <= until && !is_near(at, KEEPS);
    let is_after_shutdown = |at: i64| meant(Meaning::Shutdown).any(|(down, _)| (at - DOWN..=at).contains(down));
    let is_proven = |at: i64| match proof {
        Proof::Always => true,
        Proof::UnlessPatched => is_whole(at),
        Proof::AfterShutdown => is_whole(at) && is_after_shutdown(at) && !is_near(at, &[FAILOVER]),
        Proof::Never => false,
    };
    let restarted = meant(Meaning::Restarted).filter(|(at, _)| is_proven(*at));
    restarted.chain(meant(Meaning::Started)).map(|(at, _)| *at).filter(|at| *at <= until).collect()
}

fn meaning(text: &str) -> Option<Meaning> {
    let text = text.trim_end().trim_end_matches('.');
    MESSAGES.iter().find(|(message, _)| *message == text).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR;
    const NONE: [i64; 0] = [];

    fn events(events: &[(i64, &str)]) -> Vec<Event> {
        events.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
    }

    fn of(engine: &str, of_instance: &[(i64, &str)], of_cluster: Option<&[(i64, &str)]>) -> Vec<i64> {
        restarts(engine, &events(of_instance), of_cluster.map(events).as_deref(), 10 * DAY)
    }

    #[test]
    fn only_the_events_of_a_restart_prove_one() {
        assert_eq!(
            of("postgres", &[(DAY, "DB instance restarted"), (2 * DAY, "DB instance restarted.")], None).len(),
            2
        );
        assert_eq!(of("postgres", &[(11 * DAY, "DB instance restarted")], None), NONE, "it is still to come");
        for text in [
            "DB instance shutdown",
            "DB instance created",
            "Finished DB Instance backup",
            "Multi-AZ instance failover started.",
            "Error restarting mysql: the log says DB instance restarted",
            "DB instance restarted by a name that a client chose",
            "A new writer was promoted. Restarting database as a reader.",
        ] {
            assert_eq!(of("postgres", &[(DAY, text)], None), NONE, "{text}");
        }
        // As a Multi-AZ instance of RDS for MySQL was reported to fail over in a public incident report.
        let failover = [
            (DAY, "Multi-AZ instance failover started."),
            (DAY + 14, "DB instance restarted"),
            (DAY + 35, "Multi-AZ instance failover completed"),
        ];
        assert_eq!(of("mysql", &failover, None), [DAY + 14]);
        assert_eq!(of("sqlserver-se", &failover, None), NONE, "it may be the other node");
        assert_eq!(of("sqlserver-se", &[(DAY, "DB instance started")], None), [DAY]);
    }

    #[test]
    fn a_restart_without_downtime_proves_nothing() {
        let reboot = [(DAY - 20, "DB instance shutdown"), (DAY, "DB instance restarted")];
        for engine in ["aurora-mysql", "aurora-postgresql"] {
            assert_eq!(of(engine, &reboot, Some(&[])), [DAY], "{engine}");
            assert_eq!(of(engine, &reboot, None), NONE, "{engine}: the cluster may have been patched");
            for text in [
                "Database cluster has been patched: source version 3.04.0 => 3.04.1",
                "Zero-downtime restart finished in 3 seconds: 12 connections preserved",
                "Attempting ZDR",
            ] {
                let near = (DAY + 2 * HOUR, text);
                assert_eq!(of(engine, &[reboot.as_slice(), &[near]].concat(), Some(&[])), NONE, "{engine}: {text}");
                assert_eq!(of(engine, &reboot, Some(&[near])), NONE, "{engine}: {text}");
                assert_eq!(of(engine, &reboot, Some(&[(3 * DAY, text)])), [DAY], "{engine}: another time");
            }
            let recent = [(10 * DAY - 60, "DB instance shutdown"), (10 * DAY - HOUR, "DB instance restarted")];
            assert_eq!(of(engine, &recent, Some(&[])), NONE, "{engine}: what it was may still be reported");
            assert_eq!(of(engine, &[(DAY, "DB instance started")], None), [DAY], "{engine}: it was stopped before");
        }
        assert_eq!(of("aurora-postgresql", &reboot[1..], Some(&[])), [DAY]);
        assert_eq!(of("aurora-mysql", &reboot[1..], Some(&[])), NONE, "Aurora may have restarted it and kept sessions");
        let failover = [(DAY - 10, "Started cross AZ failover to DB instance: orders-2")];
        assert_eq!(of("aurora-mysql", &reboot, Some(&failover)), NONE);
        assert_eq!(of("aurora-postgresql", &reboot, Some(&failover)), [DAY]);
        assert_eq!(of("postgres", &[reboot[1], (DAY + 9, "Database instance patched")], None), [DAY], "no Aurora");
    }
}
