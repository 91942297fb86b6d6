//! The certificates that servers presented to `ssl-usage probe`, compared with what the RDS API says. They never make a
//! verdict milder: what the API says of a certificate that is not presented yet does not count.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::certificate::{Restart, restart};
use super::reason::{Reason, ReasonCode};
use crate::inventory::{CertificateFacts, EndpointKind, InstanceProfile, ServedCertificate};
use crate::text::plural;

/// How far two ends of one certificate may be apart.
const SAME: SignedDuration = SignedDuration::from_secs(60);

/// What a certificate is that a server presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// One that had expired.
    Expired,
    /// An older one than the API lists: the listed one has not become active.
    Older,
    /// Another one than the API lists.
    Other,
    /// One for another host.
    ForAnotherHost,
    /// The one that the API lists.
    Listed,
}

/// The end of the certificate that the server presented.
fn end(served: &ServedCertificate) -> Option<Timestamp> {
    served.chain.first().map(|first| first.valid_till)
}

/// The state of a certificate; none if there is nothing to compare it with: an endpoint of a cluster leads to any member.
fn state(profile: &InstanceProfile, served: &ServedCertificate) -> Option<State> {
    let end = end(served)?;
    if end <= served.at {
        return Some(State::Expired);
    }
    if !served.matches_host {
        return Some(State::ForAnotherHost);
    }
    let listed = profile.certificate.valid_till.filter(|_| served.endpoint.kind == EndpointKind::Instance)?;
    Some(match listed.duration_since(end) {
        apart if apart.abs() <= SAME => State::Listed,
        later if later.is_positive() => State::Older,
        _ => State::Other,
    })
}

fn states(profile: &InstanceProfile) -> impl Iterator<Item = (State, &ServedCertificate)> {
    profile.served().filter_map(|served| Some((state(profile, served)?, served)))
}

/// Whether a server presents another certificate than the API lists, so that this one proves nothing.
pub(super) fn is_in_doubt(profile: &InstanceProfile) -> bool {
    states(profile).any(|(state, _)| state != State::Listed)
}

/// When the certificates end that the instance itself presented.
pub(super) fn ends(profile: &InstanceProfile) -> impl Iterator<Item = Timestamp> {
    let own = |served: &&ServedCertificate| served.endpoint.kind == EndpointKind::Instance;
    profile.served().filter(own).filter_map(end)
}

/// Whether the certificate that the API lists is not active yet, and another CA signed the active one: the root changes when it
/// becomes active.
///
/// The name of a CA ends in that of its identifier: `Amazon RDS eu-west-1 Subordinate CA RSA2048 G1.A.5` is of
/// `rds-ca-rsa2048-g1`, and `Amazon RDS eu-west-1 2019 CA` of `rds-ca-2019` (public records of handshakes).
pub(super) fn changes_root(profile: &InstanceProfile) -> bool {
    let Some(listed) = profile.certificate.ca.as_deref().and_then(|ca| ca.strip_prefix("rds-ca-")) else {
        return false;
    };
    let is_listed = |certificate: &CertificateFacts| {
        common_name(&certificate.issuer).to_lowercase().replace(' ', "-").contains(listed)
    };
    states(profile).any(|(state, served)| state == State::Older && !served.chain.iter().any(is_listed))
}

/// What to do about a certificate that has not become active; none if it has, or that is unknown.
pub(super) fn not_active(profile: &InstanceProfile) -> Option<String> {
    let (_, served) = states(profile).find(|(state, _)| *state == State::Older)?;
    let end = end(served)?;
    Some(format!("{} before {}, so that the new certificate becomes active.", restarting(profile), day(end)))
}

/// What makes a certificate active that the API lists. Where no restart should be needed, it is the surest way.
fn restarting(profile: &InstanceProfile) -> &'static str {
    match restart(profile) {
        Restart::Instance | Restart::None => "Restart the instance",
        Restart::Listener => "Restart the instance, or ask AWS Support to restart the listener",
    }
}

/// The reason that one presented certificate gives; none if there is nothing to compare it with.
pub fn served_reason(profile: &InstanceProfile, served: &ServedCertificate) -> Option<Reason> {
    Some(reason(profile, state(profile, served)?, served, 0))
}

/// The reasons: of each finding one, for the first server. That the certificate is as listed is a reason only if nothing else
/// was found.
pub(super) fn reasons(profile: &InstanceProfile) -> Vec<Reason> {
    let mut alike: BTreeMap<State, Vec<&ServedCertificate>> = BTreeMap::new();
    states(profile).for_each(|(state, served)| alike.entry(state).or_default().push(served));
    if alike.len() > 1 {
        alike.remove(&State::Listed);
    }
    let of = |(state, servers): (State, Vec<&ServedCertificate>)| {
        servers.first().map(|first| reason(profile, state, first, servers.len() - 1))
    };
    alike.into_iter().filter_map(of).collect()
}

/// The reason that a server gives, and as many others.
fn reason(profile: &InstanceProfile, state: State, served: &ServedCertificate, others: usize) -> Reason {
    let (subject, issuer, serial) = served
        .chain
        .first()
        .map_or(("", "", ""), |first| (common_name(&first.subject), common_name(&first.issuer), first.serial.as_str()));
    let also = if others > 0 { format!(", and so did {}", plural(others, "other server")) } else { String::new() };
    let unknown = || "an unknown date".to_owned();
    let (who, at, end) = (who(served), minute(served.at), end(served).map_or_else(unknown, day));
    let listed = profile.certificate.valid_till.map_or_else(unknown, day);
    const FIND_OUT: &str = "Find out what answers at this address, and probe again.";
    let (code, text) = match state {
        State::Expired => (
            ReasonCode::ExpiredCertificateServed,
            format!(
                "at {at}, {who} presented a certificate that had expired on {end}{also}, so clients that verify it cannot connect. Rotate now, or restart the instance if AWS lists a newer certificate ({listed})."
            ),
        ),
        State::Older => (
            ReasonCode::StagedNotServed,
            format!(
                "AWS lists a certificate that is valid until {listed}, but at {at}, {who} presented an older one, valid until {end}{also}. {} before then.",
                restarting(profile)
            ),
        ),
        State::ForAnotherHost => (
            ReasonCode::CertificateDiffers,
            format!("at {at}, {who} presented a certificate for another host ({subject}){also}. {FIND_OUT}"),
        ),
        State::Other => (
            ReasonCode::CertificateDiffers,
            format!(
                "AWS lists a certificate that is valid until {listed}, but at {at}, {who} presented another one, valid until {end} and issued by {issuer}{also}. {FIND_OUT}"
            ),
        ),
        State::Listed => (
            ReasonCode::CertificateServed,
            format!(
                "at {at}, {who} presented the certificate that AWS lists, valid until {end} (serial {serial}, issued by {issuer}){also}"
            ),
        ),
    };
    Reason { code, text }
}

/// A server in words: `orders.abc.eu-west-1.rds.amazonaws.com (10.0.0.5)`.
fn who(served: &ServedCertificate) -> String {
    format!("{} ({})", served.endpoint.host, served.address)
}

/// The common name in a distinguished name; without one, all of it.
fn common_name(name: &str) -> &str {
    let named = name.split(", ").find_map(|part| part.strip_prefix("CN="));
    named.unwrap_or(name)
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
