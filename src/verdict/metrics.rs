//! The rules about CloudWatch metrics. None of them makes a verdict milder: a metric shows TLS, or a blind spot.

use std::collections::BTreeMap;

use ssl_usage_parsers::Engine;

use super::reason::ReasonCode;
use super::rules::{Context, ask_live, is_remote, or_ask_live};
use crate::text::plural;
use crate::usage::{Above, Metrics, metric};

type Found = Option<(ReasonCode, String)>;

/// Metrics that show that a proxy connects to its instances with TLS; `RequireTLS` of the API does not say so.
const PROXY_TO_INSTANCE: &[&str] = &[metric::DATABASE_CONNECTIONS_WITH_TLS, metric::DATABASE_REQUESTS_WITH_TLS];

/// Metrics of the clients of a proxy, and what they show.
const CLIENT_TO_PROXY: &[(&str, &str)] =
    &[(metric::CLIENTS_WITH_TLS, "with"), (metric::CLIENTS_WITHOUT_TLS, "without")];

pub(super) fn iam_metric(context: &Context<'_>, _: &'static Engine) -> Found {
    let logins = context.usage.metrics.iam_logins.filter(|logins| logins.sum > 0)?;
    let text = format!(
        "{} used IAM authentication, which requires TLS, {} (IamDbAuthConnectionSuccess)",
        plural(logins.sum, "login"),
        between(logins)
    );
    Some((ReasonCode::IamMetric, text))
}

pub(super) fn proxy_tls(context: &Context<'_>, _: &'static Engine) -> Found {
    let shown = context.usage.metrics.proxies.iter().find_map(|(proxy, known)| {
        let of = |name: &&'static str| Some((proxy, *name, known.get(name).copied().filter(|above| above.hours > 0)?));
        PROXY_TO_INSTANCE.iter().find_map(of)
    });
    shown.map(|(proxy, name, above)| {
        let text = format!(
            "RDS Proxy {proxy} connected to its targets with TLS in {} {} ({name})",
            plural(above.hours, "hour"),
            between(above)
        );
        (ReasonCode::ProxyTls, text)
    })
}

/// How clients connect to the proxies, as the end of a sentence. A proxy's values are sums over its hosts and minutes, so
/// hours are counted, not connections.
pub(super) fn proxies_in_metrics(metrics: &Metrics) -> String {
    let transports = |(proxy, known): (&String, &BTreeMap<&'static str, Above>)| {
        let of = |(name, word): &(&str, &str)| {
            Some(format!("{word} TLS in {} ({name})", plural(known.get(name)?.hours, "hour")))
        };
        let parts: Vec<_> = CLIENT_TO_PROXY.iter().filter_map(of).collect();
        (!parts.is_empty()).then(|| format!("; clients were connected to {proxy} {}", parts.join(", ")))
    };
    metrics.proxies.iter().filter_map(transports).collect()
}

pub(super) fn metrics_unreadable(context: &Context<'_>, _: &'static Engine) -> Found {
    context.usage.metrics_unreadable.then(|| {
        let text = "could not read the CloudWatch metrics, which may show TLS, because the endpoint violated its API. Check the \
                    endpoint that the errors name, and collect again.";
        (ReasonCode::MetricsUnreadable, text.to_owned())
    })
}

pub(super) fn metric_contradicts_log(context: &Context<'_>, engine: &'static Engine) -> Found {
    let usage = context.usage;
    let most = usage.metrics.most_open_while_logged.filter(|most| *most > 0)?;
    let left = usage.older_sessions.keys().any(|client| is_remote(client.address.as_deref()));
    let ignored = usage.ignored.sessions.sum() > 0;
    let logged = usage.connections.sum() > usage.connections.local || left || ignored;
    (!logged).then(|| {
        let text = format!(
            "CloudWatch counted up to {} (DatabaseConnections) in hours whose logs show none, so they are older than the logs or not logged{}",
            plural(most, "open client session"),
            ask_live(engine)
        );
        (ReasonCode::MetricContradictsLog, text)
    })
}

/// Open sessions that no record in the logs accounts for. There are none where the metric was 0 since the logs began and
/// since their last gap, where the logs show the login of every session that was open at one moment, or where the instance was
/// restarted since.
pub(super) fn older_sessions_open(context: &Context<'_>, engine: &'static Engine) -> Found {
    let open = context.usage.metrics.unaccounted.filter(|open| *open > 0)?;
    let text = format!(
        "up to {} from before the logs or from a gap may still be open (DatabaseConnections minus logged sessions), so whether TLS is used is unknown. Restart all connection pools, or stop all clients until the metric is 0{}",
        plural(open, "session"),
        or_ask_live(engine)
    );
    Some((ReasonCode::OlderSessionsOpen, text))
}

/// More sessions than CloudWatch counted: the log is not of this instance alone, or the metric misses some.
pub(super) fn log_exceeds_metric(context: &Context<'_>, _: &'static Engine) -> Found {
    let (at, proven, least) = context.usage.metrics.exceeded?;
    let text = format!(
        "the logs show {} in the hour from {}, but CloudWatch counted only {least} (lowest DatabaseConnections). Check that the logs are those of this instance alone.",
        plural(proven, "open session"),
        at.strftime("%Y-%m-%d %H:%M")
    );
    Some((ReasonCode::LogExceedsMetric, text))
}

/// When something is unknown, and what it is.
pub(super) type BlindSpot = (fn(&Context<'_>) -> bool, &'static str);

/// Metrics that may be unknown, and what they would have shown.
pub(super) const NOT_KNOWN: &[BlindSpot] = &[
    (
        |context| context.usage.metrics.unaccounted.is_none(),
        "sessions that were opened before the logs begin and are still open (CloudWatch's DatabaseConnections)",
    ),
    (
        |context| {
            let counts = context.profile.known_engine().is_none_or(|engine| engine.counts_iam_logins);
            counts && context.usage.metrics.iam_logins.is_none()
        },
        "logins with IAM authentication (CloudWatch's IamDbAuthConnectionSuccess)",
    ),
    (
        // Also where it is unknown whether there is one.
        |context| {
            let (profile, known) = (context.profile, &context.usage.metrics.proxies);
            let asked = !profile.unknown.iter().any(|call| call.starts_with("rds:DescribeDBProx"));
            !asked || profile.proxies.iter().any(|proxy| !known.contains_key(proxy))
        },
        "the metrics of an RDS Proxy in front of the instance (ClientConnectionsTLS, DatabaseConnectionsWithTLS)",
    ),
];

fn between(above: Above) -> String {
    above.span.map_or_else(String::new, |span| {
        let minute = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
        format!("between {} and {}", minute(span.from), minute(span.to))
    })
}
