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
    /// One that another CA signed than the API lists.
    OtherCa,
    /// One that is not valid yet.
    NotYetValid,
    /// The one that the API lists.
    Listed,
}

/// The end of the certificate that the server presented.
fn end(served: &ServedCertificate) -> Option<Timestamp> {
    served.chain.first().map(|first| first.valid_till)
}

/// How much later the certificate ends that the API lists; none if there is nothing to compare it with: an endpoint of a cluster
/// leads to any member.
fn later(profile: &InstanceProfile, served: &ServedCertificate) -> Option<SignedDuration> {
    let listed = profile.certificate.valid_till.filter(|_| served.endpoint.kind == EndpointKind::Instance)?;
    Some(listed.duration_since(end(served)?))
}

/// Whether the API lists a newer certificate.
fn is_older(profile: &InstanceProfile, served: &ServedCertificate) -> bool {
    later(profile, served).is_some_and(|later| later > SAME)
}

/// The state of a certificate as of `now`; none if there is nothing to compare it with.
fn state(profile: &InstanceProfile, served: &ServedCertificate, now: Timestamp) -> Option<State> {
    // The clock of the analysis may be set to an earlier time.
    let now = now.max(served.at);
    let first = served.chain.first()?;
    if first.valid_till <= now {
        return Some(State::Expired);
    }
    if first.valid_from > now {
        return Some(State::NotYetValid);
    }
    // Whether certificates name custom endpoints is not documented.
    if !served.matches_host && served.endpoint.kind != EndpointKind::Custom {
        return Some(State::ForAnotherHost);
    }
    Some(match later(profile, served)? {
        apart if apart.abs() <= SAME && is_of_listed_ca(profile, served) == Some(false) => State::OtherCa,
        apart if apart.abs() <= SAME => State::Listed,
        later if later.is_positive() => State::Older,
        _ => State::Other,
    })
}

fn states(profile: &InstanceProfile, now: Timestamp) -> impl Iterator<Item = (State, &ServedCertificate)> {
    profile.served().filter_map(move |served| Some((state(profile, served, now)?, served)))
}

/// Whether a server presents another certificate than the API lists, so that this one proves nothing.
pub(super) fn is_in_doubt(profile: &InstanceProfile, now: Timestamp) -> bool {
    states(profile, now).any(|(state, _)| state != State::Listed)
}

/// When the certificates end that the instance itself presented.
pub(super) fn ends(profile: &InstanceProfile) -> impl Iterator<Item = Timestamp> {
    let own = |served: &&ServedCertificate| served.endpoint.kind == EndpointKind::Instance;
    profile.served().filter(own).filter_map(end)
}

/// Whether the CA signed the certificate that the API lists, by its name; none if the API lists none that has a name as RDS's
/// CAs have.
///
/// The name of a CA ends in that of its identifier: `Amazon RDS eu-west-1 Subordinate CA RSA2048 G1.A.5` is of
/// `rds-ca-rsa2048-g1`, and `Amazon RDS eu-west-1 2019 CA` of `rds-ca-2019` (public records of handshakes).
fn is_of_listed_ca(profile: &InstanceProfile, served: &ServedCertificate) -> Option<bool> {
    let listed = profile.certificate.ca.as_deref()?.strip_prefix("rds-ca-")?;
    let is_listed = |certificate: &CertificateFacts| {
        common_name(&certificate.issuer).to_lowercase().replace(' ', "-").contains(listed)
    };
    Some(served.chain.iter().any(is_listed))
}

/// Whether the certificate that the API lists is not active yet, and another CA signed the active one: the root changes when it
/// becomes active.
pub(super) fn changes_root(profile: &InstanceProfile) -> bool {
    profile.served().any(|served| is_older(profile, served) && is_of_listed_ca(profile, served) == Some(false))
}

/// Why the certificate that the API lists is not active; none if it is, or that is unknown.
pub(super) fn not_active(profile: &InstanceProfile) -> Option<String> {
    let served = profile.served().find(|served| is_older(profile, served))?;
    let (listed, end) = (profile.certificate.valid_till.map(day)?, end(served).map(day)?);
    Some(format!(
        "AWS lists a certificate that is valid until {listed}, but the server presents an older one (valid until {end})"
    ))
}

/// The reason that one presented certificate gives; none if there is nothing to compare it with.
pub fn served_reason(profile: &InstanceProfile, served: &ServedCertificate) -> Option<Reason> {
    Some(reason(profile, state(profile, served, served.at)?, served, 0))
}

/// The reasons: of each finding one, for the first server. That the certificate is as listed is a reason only if nothing else
/// was found.
pub(super) fn reasons(profile: &InstanceProfile, now: Timestamp) -> Vec<Reason> {
    let mut alike: BTreeMap<State, Vec<&ServedCertificate>> = BTreeMap::new();
    states(profile, now).for_each(|(state, served)| alike.entry(state).or_default().push(served));
    if alike.len() > 1 {
        alike.remove(&State::Listed);
    }
    let of = |(state, servers): (State, Vec<&ServedCertificate>)| {
        servers.first().map(|first| reason(profile, state, first, servers.len() - 1))
    };
    let outdated = profile.certificate.served.first().filter(|_| profile.served().next().is_none()).map(|last| {
        let text = format!(
            "AWS lists another certificate than at the last probe ({}), so whether it is active is unknown. Run `ssl-usage probe --certificates`.",
            minute(last.at)
        );
        Reason { code: ReasonCode::ProbeOutdated, text }
    });
    let mut reasons: Vec<Reason> = alike.into_iter().filter_map(of).chain(outdated).collect();
    reasons.dedup_by_key(|reason| reason.code);
    reasons
}

impl State {
    fn code(self) -> ReasonCode {
        match self {
            Self::Expired => ReasonCode::ExpiredCertificateServed,
            Self::Older => ReasonCode::StagedNotServed,
            Self::Other | Self::ForAnotherHost | Self::OtherCa | Self::NotYetValid => ReasonCode::CertificateDiffers,
            Self::Listed => ReasonCode::CertificateServed,
        }
    }
}

/// The reason that a server gives, and as many others: the finding, the evidence, and the next step.
fn reason(profile: &InstanceProfile, state: State, served: &ServedCertificate, others: usize) -> Reason {
    let also = if others > 0 { format!(", and {}", plural(others, "other server")) } else { String::new() };
    let (host, address, at) = (&served.endpoint.host, &served.address, minute(served.at));
    let issuer = served.chain.first().map_or("an unknown CA", |first| common_name(&first.issuer));
    let evidence = format!("issued by {issuer}; {host} at {address}, {at}{also}");
    let (finding, next) = (finding(profile, state, served), next_step(profile, state, served));
    let text = match next.is_empty() {
        true => format!("the server presents {finding} ({evidence})"),
        false => format!("the server presents {finding} ({evidence}). {next}"),
    };
    Reason { code: state.code(), text }
}

/// What a server presents, as a noun phrase.
fn finding(profile: &InstanceProfile, state: State, served: &ServedCertificate) -> String {
    let unknown = || "an unknown date".to_owned();
    let listed = profile.certificate.valid_till.map_or_else(unknown, day);
    let (end, first) = (end(served).map_or_else(unknown, day), served.chain.first());
    match state {
        State::Expired => format!("a certificate that expired on {end}"),
        State::Older => format!("an older certificate than AWS lists, valid until {end} instead of {listed}"),
        State::Other => format!("another certificate than AWS lists, valid until {end} instead of {listed}"),
        State::ForAnotherHost => {
            let names = first.map(|first| first.names.join(", ")).filter(|names| !names.is_empty());
            format!("a certificate for another host, {}", names.unwrap_or_else(|| "without a host name".to_owned()))
        }
        State::OtherCa => {
            let ca = profile.certificate.ca.as_deref().unwrap_or("the CA that AWS lists");
            format!("a certificate that {ca} did not sign, which AWS lists as its CA")
        }
        State::NotYetValid => {
            let from = first.map_or_else(unknown, |first| day(first.valid_from));
            format!("a certificate that is not valid before {from}")
        }
        State::Listed => format!("the certificate that AWS lists, valid until {end}"),
    }
}

/// What to do about it, in a sentence; empty if nothing is to be done.
fn next_step(profile: &InstanceProfile, state: State, served: &ServedCertificate) -> String {
    let listed = profile.certificate.valid_till.map(day).unwrap_or_default();
    match (state, later(profile, served), restart(profile)) {
        (State::Listed, ..) => String::new(),
        (State::Expired, Some(later), _) if later > SAME => {
            format!("Restart the instance now: AWS lists one that is valid until {listed}.")
        }
        (State::Expired, Some(later), _) if later.abs() <= SAME => {
            "Rotate now: AWS lists the same certificate.".to_owned()
        }
        (State::Expired, ..) => "Rotate now, or restart the instance if AWS lists a newer one.".to_owned(),
        (State::Older, _, Restart::Instance) => "Restart the instance before then.".to_owned(),
        (State::Older, _, Restart::None) => {
            "It should become active without a restart. Probe again, and restart the instance if it does not."
                .to_owned()
        }
        (State::Older, _, Restart::Listener) => {
            "Ask AWS Support to restart the listener before then, or restart the instance.".to_owned()
        }
        _ => "Find out what answers at this address, and probe again.".to_owned(),
    }
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

/// When the instance last completed a TLS handshake, if it did so at a time or later.
pub(super) fn handshake_since(profile: &InstanceProfile, time: Option<Timestamp>) -> Option<Timestamp> {
    let own = profile.served().filter(|served| served.endpoint.kind == EndpointKind::Instance);
    own.map(|served| served.at).max().filter(|at| time.is_none_or(|time| *at >= time))
}
