//! The rules about samples of `ssl-usage probe`: sessions that were open, and the server's counter of TLS handshakes. A sample
//! shows TLS. That there is none, it shows of one moment only; see `usage`.

use ssl_usage_parsers::Engine;

use super::reason::ReasonCode;
use super::rules::Context;
use crate::text::plural;
use crate::usage::NoOlderSession;
use crate::window::Window;

/// Most TLS versions that are named.
const MOST_VERSIONS: usize = 6;

type Found = Option<(ReasonCode, String)>;

/// Sessions with TLS that were open in a sample.
pub(super) fn tls_sessions_open(context: &Context<'_>, _: &'static Engine) -> Found {
    let sampled = &context.usage.sampled;
    let at = sampled.tls_at.filter(|_| sampled.sessions.tls > 0)?;
    let text = format!(
        "{} from {} used TLS when the instance was probed (last at {})",
        plural(sampled.sessions.tls, "session"),
        plural(sampled.tls_clients, "client"),
        minute(at)
    );
    Some((ReasonCode::TlsSessionsOpen, text))
}

/// Handshakes that the server counted, beside those of probes. If clients that the policy ignores or AWS's own users use TLS,
/// they may be theirs, or of others too.
pub(super) fn tls_handshakes_counted(context: &Context<'_>, _: &'static Engine) -> Found {
    let (handshakes, Window { from, to }) = context.usage.handshakes.of_clients?;
    let second = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let text = format!(
        "{} by clients, failed logins, port scans or probes into other bundles, between {} and {} (Ssl_finished_accepts, without the probes of this evidence)",
        plural(handshakes, "TLS handshake"),
        second(from),
        second(to)
    );
    let usage = context.usage;
    let of_others = usage.ignored.sessions.tls + usage.ignored.attempts.tls + usage.system.tls > 0;
    let code = match of_others || usage.sampled.has_system_tls {
        true => ReasonCode::TlsHandshakesUnexplained,
        false => ReasonCode::TlsHandshakesCounted,
    };
    Some((code, text))
}

/// Whether samples show TLS in the window, of anybody.
pub(super) fn shows_tls(context: &Context<'_>) -> bool {
    let usage = context.usage;
    let from = usage.coverage.asked.map(|asked| asked.from);
    let counted = usage.handshakes.of_clients.is_some_and(|(_, span)| from.is_some_and(|from| from <= span.from));
    usage.sampled.sessions.tls > 0 || usage.sampled.has_system_tls || counted
}

/// Whether the server's counter shows of enough of the judged part of the window that no client used TLS. Then no log is needed.
pub(super) fn is_counted(context: &Context<'_>) -> bool {
    context.usage.coverage.counted_share >= context.policy.least_coverage
}

/// What the last sample lacks.
pub(super) fn sample_incomplete(context: &Context<'_>, engine: &'static Engine) -> Found {
    let gap = context.usage.sampled.gap.as_ref()?;
    let fix = gap.fix(engine.tls_start?);
    let next = if fix.is_empty() { String::new() } else { format!(". Run as the master user: {}", fix.join(" ")) };
    Some((ReasonCode::SampleIncomplete, format!("the last probe did not list all sessions: {gap}{next}")))
}

/// What connection IDs show where the sessions are not listed.
pub(super) fn older_sessions_ended(context: &Context<'_>, _: &'static Engine) -> Found {
    let NoOlderSession { at, lowest_id, bound } = context.usage.sampled.none_older?;
    let text = format!(
        "no session from before the logs was open when the instance was probed ({}): the lowest connection ID was {lowest_id}, and by the audit log the server had given none above {} before {}",
        minute(at),
        bound.highest,
        minute(bound.at)
    );
    Some((ReasonCode::OlderSessionsEnded, text))
}

/// Logins with TLS in Extended Events of SQL Server.
pub(super) fn tls_logins_recorded(context: &Context<'_>, _: &'static Engine) -> Found {
    let logins = &context.usage.sampled.tls_logins;
    let sum = logins.values().fold(0u64, |sum, count| sum.saturating_add(*count));
    let versions: Vec<String> =
        logins.iter().take(MOST_VERSIONS).map(|(version, count)| format!("{version}: {count}")).collect();
    (sum > 0).then(|| {
        let text = format!(
            "{} used TLS ({}), by Extended Events. SQL Server encrypts the login even of sessions without TLS, so this says nothing about sessions.",
            plural(sum, "login"),
            versions.join(", ")
        );
        (ReasonCode::TlsLoginsRecorded, text)
    })
}

/// What samples show where they show no TLS.
pub(super) fn no_tls_sessions_open(context: &Context<'_>, _: &'static Engine) -> Found {
    let sampled = &context.usage.sampled;
    let last = sampled.last_at.filter(|_| sampled.gap.is_none() && sampled.sessions.tls == 0)?;
    let settled = match sampled.settled_at {
        Some(at) => format!(". The sample of {} also shows all sessions that were opened before the logs.", minute(at)),
        None => String::new(),
    };
    let text = format!(
        "no TLS in {} that {} open when the instance was probed ({}, last at {}){settled}",
        plural(sampled.sessions.sum(), "session"),
        if sampled.sessions.sum() == 1 { "was" } else { "were" },
        plural(sampled.samples, "sample"),
        minute(last)
    );
    Some((ReasonCode::NoTlsSessionsOpen, text))
}

fn minute(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
