//! What no verdict may ever be, whatever the evidence.

mod certificate;
mod cluster;
mod matrix;
mod metrics;
mod policy;
mod properties;
mod rules;
mod served;
mod trust;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::inventory::{Certificate, Level, Parameter};
use crate::usage::{Above, Client, Coverage, Transports};
use crate::window::Window;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_392_000).expect("in range")
}

fn days(days: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_hours(24 * days)).expect("in range")
}

/// A parameter as a test gives it: absent, or a value and whether it is in effect.
type Setting = Option<(&'static str, bool)>;

fn profile(settings: [(&str, Setting); 3], engine: &str, version: &str, mode: Option<&str>) -> InstanceProfile {
    let parameter = |(value, in_effect): (&str, bool)| Parameter {
        value: Some(value.to_owned()),
        is_static: false,
        level: Level::Instance,
        in_effect,
        group: "custom".to_owned(),
    };
    let parameters = settings.into_iter().filter_map(|(name, setting)| Some((name.to_owned(), parameter(setting?))));
    InstanceProfile {
        arn: "arn:aws:rds:eu-west-1:123456789012:db:orders".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        instance: "orders".to_owned(),
        cluster: None,
        cluster_role: None,
        cluster_siblings: Vec::new(),
        custom_endpoints: Vec::new(),
        endpoints: Vec::new(),
        login: crate::inventory::DatabaseLogin::default(),
        engine: engine.to_owned(),
        engine_version: version.to_owned(),
        engine_mode: mode.map(str::to_owned),
        is_limitless: false,
        status: "available".to_owned(),
        maintenance_window: None,
        pending_changes: Vec::new(),
        created_at: None,
        iam_authentication: true,
        certificate: Certificate {
            ca: Some("rds-ca-rsa2048-g1".to_owned()),
            valid_till: Some(days(30)),
            ca_valid_till: Some(days(12_000)),
            target_ca: Some("rds-ca-rsa2048-g1".to_owned()),
            target_ca_valid_till: Some(days(12_000)),
            pending_ca: None,
            rotates_without_restart: Some(false),
            served: Vec::new(),
        },
        pending: Vec::new(),
        parameters: parameters.collect(),
        proxies: Vec::new(),
        global_members: Vec::new(),
        log_exports: Vec::new(),
        tags: None,
        unknown: Vec::new(),
    }
}

fn logged(version: &str) -> InstanceProfile {
    let settings =
        [("log_connections", Some(("1", true))), ("rds.force_ssl", Some(("0", true))), ("ssl", Some(("1", true)))];
    profile(settings, "postgres", version, None)
}

/// Full coverage, and plaintext clients only: the one usage that lets a rotation wait.
fn plaintext_only() -> Usage {
    let client = Client { user: Some("app".to_owned()), address: Some("10.0.0.7".to_owned()), ..Client::default() };
    let sessions = Transports { plaintext: 100, ..Transports::default() };
    Usage {
        connections: sessions,
        judged: sessions,
        received: 100,
        disconnected: 100,
        clients: BTreeMap::from([(client, crate::usage::ClientUsage { sessions, ..Default::default() })]),
        coverage: Coverage {
            asked: Some(Window::days_before(now(), 14)),
            share: 1.0,
            judged: Some(Window::days_before(now(), 14)),
            judged_share: 1.0,
            files: 336,
            ..Coverage::default()
        },
        ..Usage::default()
    }
}

/// The verdict on an instance that stands alone.
fn judge(profile: &InstanceProfile, usage: &Usage, policy: &Policy, now: Timestamp) -> Verdict {
    let finding = examine(profile, usage, policy, now);
    conclude(profile, &finding, &[Examined { profile, finding: &finding, is_former: false }], policy)
}

fn judged(profile: &InstanceProfile, usage: &Usage) -> Verdict {
    judge(profile, usage, &Policy::default(), now())
}

/// What is wrong with evidence that would let a rotation wait.
type Uncertainty = fn(&mut InstanceProfile, &mut Usage);

fn above(sum: u64) -> Above {
    let hours = u64::from(sum > 0);
    Above { sum, hours, span: (sum > 0).then(|| Window::days_before(now(), 1)) }
}
