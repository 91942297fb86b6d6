//! CloudWatch's metrics: they make no verdict milder.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::properties::{counts, setting};
use super::*;
use crate::usage::{Metrics, metric};

/// What is unknown of the metrics is told, and what is known is not.
#[test]
fn metrics_that_are_not_known_are_not_examined() {
    let blind = |usage: &Usage, profile: &InstanceProfile| judged(profile, usage).not_examined.join("\n");
    let (mut usage, mut profile) = (plaintext_only(), logged("16.4"));
    let untold = blind(&usage, &profile);
    assert!(untold.contains("DatabaseConnections") && untold.contains("IamDbAuth") && !untold.contains("Proxy"));
    profile.proxies = vec!["front".to_owned()];
    assert!(blind(&usage, &profile).contains("Proxy"));
    profile.proxies.clear();
    profile.unknown = vec!["rds:DescribeDBProxies".to_owned()];
    assert!(blind(&usage, &profile).contains("Proxy"), "whether there is one is not known");
    profile.unknown.clear();
    (usage.metrics.unaccounted, usage.metrics.iam_logins) = (Some(0), Some(above(0)));
    let named = ["DatabaseConnections", "IamDbAuth", "Proxy"];
    assert!(!named.iter().any(|metric| blind(&usage, &profile).contains(metric)));
}

fn metrics() -> impl Strategy<Value = Metrics> {
    let few = || prop::option::of(0u64..3);
    let names = [metric::CLIENTS_WITH_TLS, metric::DATABASE_CONNECTIONS, metric::DATABASE_CONNECTIONS_WITH_TLS];
    let of_proxy = prop::option::of((prop::sample::select(names.to_vec()), 0u64..2));
    let exceeded = prop::option::of(Just((now(), 3, 2)));
    let counts = (few(), few(), few(), few());
    (counts, exceeded, of_proxy).prop_map(|((unaccounted, most_open, logged, logins), exceeded, of_proxy)| Metrics {
        unaccounted,
        exceeded,
        most_open,
        most_open_while_logged: logged,
        iam_logins: logins.map(above),
        proxies: of_proxy
            .map(|(name, sum)| ("front".to_owned(), BTreeMap::from([(name, above(sum))])))
            .into_iter()
            .collect(),
    })
}

proptest! {
    /// Whatever is measured, the verdict is what it is without, or it is stricter; and TLS that was seen stays seen.
    #[test]
    fn no_metric_makes_a_verdict_milder(
        logging in setting(), forced in setting(), ssl in setting(),
        engine in prop::sample::select(vec!["postgres", "mysql", "oracle-ee", "sqlserver-se", "docdb", "neptune"]),
        connections in counts(), left in any::<bool>(), share in prop_oneof![Just(1.0), 0.0f64..1.0],
        valid in -10i64..800, metrics in metrics(),
    ) {
        let settings = [("log_connections", logging), ("rds.force_ssl", forced), ("ssl", ssl)];
        let mut profile = profile(settings, engine, "14.2", None);
        profile.certificate.valid_till = Some(days(valid));
        let asked = Some(Window::days_before(now(), 14));
        let coverage =
            Coverage { share, judged: asked, judged_share: share, files: 1, asked, ..Coverage::default() };
        let mut usage = Usage { connections, coverage, ..Usage::default() };
        if left {
            usage.older_sessions.insert(Client { address: Some("10.0.0.9".to_owned()), ..Client::default() }, 1);
        }
        let without = judged(&profile, &usage);
        let with = judged(&profile, &Usage { metrics: metrics.clone(), ..usage });
        // The strictest comes first.
        prop_assert!(with.rotation <= without.rotation, "{:?} became {:?}", without.reasons, with.reasons);
        prop_assert!(without.usage != UsageVerdict::InUse || with.usage == UsageVerdict::InUse);
        if with.rotation == Rotation::Deferrable {
            prop_assert!(metrics.unaccounted.is_none_or(|open| open == 0), "sessions may be older: {:?}", with.reasons);
            prop_assert!(metrics.iam_logins.is_none_or(|logins| logins.sum == 0), "logins by IAM: {:?}", with.reasons);
        }
        prop_assert!(with.enforcement != Enforcement::Safe || without.enforcement == Enforcement::Safe);
    }
}
