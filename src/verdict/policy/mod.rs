//! The policy, one file: what a verdict requires of the evidence, which clients it ignores, and attestations. Every report
//! prints its policy.
//!
//! No policy turns a lack of evidence into a mild verdict: its minimums cannot be zero, and it can accept few blind spots.
//! Only an attestation counts where there is no evidence, and the verdict says so.

mod attestation;
mod ignore;
mod pattern;

pub use attestation::{Attestation, Standing, States};
pub use ignore::Ignore;
pub use pattern::Pattern;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reason::{Effect, ReasonCode};
use crate::inventory::InstanceProfile;
use crate::usage::Client;

/// The policy. Keys that a file leaves out have their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The file that it was read from; none for the default policy.
    #[serde(skip_deserializing)]
    pub source: Option<Source>,
    /// Whether evidence without digests, of older bundles, counts. Set only by the command line.
    #[serde(skip_deserializing)]
    pub accept_unverified: bool,
    /// Minimum share of the window that the logs must cover to conclude "no TLS", 0 to 1.
    pub least_coverage: f64,
    /// Minimum length of the window in hours: an instance that was created an hour ago has shown nothing yet.
    pub least_window_hours: u32,
    /// Minimum number of client sessions to conclude "no TLS".
    pub least_connections: u64,
    /// For how many days a certificate must be valid to need no rotation now.
    pub horizon_days: u32,
    /// The effect of the blind spots that a policy may accept.
    pub blind_spots: BlindSpots,
    /// Clients that do not count.
    pub ignore: Vec<Ignore>,
    /// Statements of persons.
    pub attestation: Vec<Attestation>,
}

/// Where a policy was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Name of the file.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// The effect of each acceptable blind spot, by reason code. The others cannot be accepted: they mean that there is no
/// evidence, or that it shows TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlindSpots {
    /// Sessions that ended in the window were opened before it.
    pub older_sessions: Weight,
    /// CloudWatch counts open sessions whose login no log shows.
    pub older_sessions_open: Weight,
    /// Log files could not be read completely.
    pub logs_incomplete: Weight,
    /// Connection records could not be parsed.
    pub records_unparsed: Weight,
}

/// The effect of a blind spot on "no TLS".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// "No TLS" is not concluded.
    #[default]
    Blocks,
    /// "No TLS" is concluded, and the report names the blind spot.
    Informs,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            source: None,
            accept_unverified: false,
            least_coverage: 0.95,
            least_window_hours: 24,
            least_connections: 1,
            horizon_days: 365,
            blind_spots: BlindSpots::default(),
            ignore: Vec::new(),
            attestation: Vec::new(),
        }
    }
}

impl Policy {
    /// Reads the text of a policy file.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong and where: an unknown key, an invalid value, a missing reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let policy: Self = toml::from_str(text).map_err(|mut error: toml::de::Error| {
            let line =
                error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            // Without its input it displays as its message and the key, a line each.
            error.set_input(None);
            let message = error.to_string().trim_end().replace('\n', ", ");
            line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
        })?;
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), String> {
        // A minimum above zero keeps missing evidence from counting as "no TLS".
        if !(self.least_coverage > 0.0 && self.least_coverage <= 1.0) {
            return Err("least_coverage must be more than 0 and at most 1".to_owned());
        }
        let floors = [
            ("least_window_hours", u64::from(self.least_window_hours)),
            ("least_connections", self.least_connections),
            ("horizon_days", u64::from(self.horizon_days)),
        ];
        if let Some((key, _)) = floors.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{key} must be 1 or more"));
        }
        self.ignore.iter().try_for_each(Ignore::check)?;
        self.attestation.iter().try_for_each(Attestation::check)
    }

    /// What a reason may decide under this policy.
    pub fn effect(&self, code: ReasonCode) -> Effect {
        if self.accepts(code) { Effect::Informs } else { code.effect() }
    }

    /// Whether this is a blind spot that the policy accepts.
    pub fn accepts(&self, code: ReasonCode) -> bool {
        let spots = &self.blind_spots;
        let weight = match code {
            ReasonCode::OlderSessions => spots.older_sessions,
            ReasonCode::OlderSessionsOpen => spots.older_sessions_open,
            ReasonCode::LogsIncomplete => spots.logs_incomplete,
            ReasonCode::RecordsUnparsed => spots.records_unparsed,
            _ => Weight::Blocks,
        };
        weight == Weight::Informs
    }

    /// The first entry by which a client of an instance is ignored.
    pub fn ignores(&self, profile: &InstanceProfile, client: &Client) -> Option<usize> {
        self.ignore.iter().position(|entry| entry.matches(profile, client))
    }

    /// The attestations of an instance, and whether each is valid.
    pub fn attested<'p>(
        &'p self,
        profile: &'p InstanceProfile,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'p Attestation, Standing)> {
        let of = |attestation: &&Attestation| is_named(&attestation.instance, profile);
        self.attestation.iter().filter(of).map(move |attestation| (attestation, attestation.standing(now)))
    }

    /// Counts the instances that each attestation names.
    pub fn find<'p>(&mut self, profiles: impl Iterator<Item = &'p InstanceProfile> + Clone) {
        for attestation in &mut self.attestation {
            attestation.instances = profiles.clone().filter(|profile| is_named(&attestation.instance, profile)).count();
        }
    }
}

/// Whether an identifier or an ARN is this instance's.
fn is_named(name: &str, profile: &InstanceProfile) -> bool {
    name.eq_ignore_ascii_case(&profile.instance) || name == profile.arn
}

fn filled(key: &str, value: &str) -> Result<(), String> {
    if value.trim().is_empty() { Err(format!("{key} must not be empty")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn a_policy_that_would_believe_in_nothing_is_refused() {
        let client = "[[ignore]]\nreason = 'probe'";
        let person = "[[attestation]]\ninstance = 'payroll'\nstates = 'no-tls'\nby = 'Jo'\nreason = 'asked'";
        let rows = [
            ("least_coverage = 0", "least_coverage must be more than 0"),
            ("least_coverage = nan", "least_coverage must be more than 0"),
            ("least_coverage = 1.1", "least_coverage must be more than 0"),
            ("least_connections = 0", "least_connections must be 1 or more"),
            ("least_window_hours = 0", "least_window_hours must be 1 or more"),
            ("horizon_days = 0", "horizon_days must be 1 or more"),
            ("\nleast_coverages = 1", "line 2: unknown field `least_coverages`"),
            ("accept_unverified = true", "unknown field `accept_unverified`"),
            ("source = { file = 'x', sha256 = 'y' }", "unknown field `source`"),
            ("[blind_spots]\ncoverage-short = 'informs'", "line 2: unknown field `coverage-short`"),
            ("[blind_spots]\nno-clients = 'informs'", "unknown field `no-clients`"),
            ("[blind_spots]\nolder-sessions = 'ignored'", "unknown variant `ignored`"),
            (client, "[[ignore]] needs user, database, address or application"),
            ("[[ignore]]\nuser = 'a'", "missing field `reason`"),
            ("[[ignore]]\nuser = 'a'\nreason = ' '", "reason must not be empty"),
            ("[[ignore]]\nusers = 'a'\nreason = 'x'", "unknown field `users`"),
            ("[[ignore]]\naddress = '10.0.0.0/33'\nreason = 'x'", "10.0.0.0/33"),
            ("[[ignore]]\ninstance_regex = 'a'\nreason = 'x'", "[[ignore]] needs user"),
            ("[[ignore]]\nuser_regex = 'a('\nreason = 'x'", "line 2: \"a(\" is no valid pattern: unclosed group"),
            ("[[ignore]]\nuser_regex = 'a('\nreason = 'x'", "in `ignore.user_regex`"),
            (person, "missing field `on`"),
            (&format!("{person}\non = 2026-01-01"), "missing field `expires`"),
            (&format!("{person}\non = 2026-01-01\nexpires = 2027-01-02"), "a year after `on`"),
            (&format!("{person}\non = 2026-01-01\nexpires = 2025-12-31"), "a year after `on`"),
        ];
        for (text, complaint) in rows {
            let error = Policy::parse(text).expect_err(text);
            assert!(error.contains(complaint) && !error.contains('\n'), "{text}: {error}");
        }
        let whole = format!("{person}\non = 2026-01-01\nexpires = 2027-01-01");
        assert_eq!(Policy::parse(&whole).expect("a policy").attestation.len(), 1);
        assert_eq!(Policy::parse("").expect("a policy"), Policy::default());
    }
}
