//! Certificates that servers presented, as `ssl-usage probe` saw them.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::atomic_file::{damaged, settled};
use super::part::plain;
use super::range;
use super::seal::{self, Seal, Sealed};
use super::store::{Bundle, Each, each, region_key_and_time};
use crate::error::Result;
use crate::handshake::{Outcome, Probed};
use crate::inventory::{Endpoint, ExpectedCertificate, InstanceProfile};

/// The folder of its files.
pub(super) const FOLDER: &str = "probes";
/// Rows above which a probe has a further file: a few kB each, and far from what is read of a file.
pub(super) const MOST_ROWS: usize = 8000;

/// What one probe of a region found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePart {
    /// Account, for the file's name.
    pub account: String,
    /// Region, likewise.
    pub region: String,
    /// When the latest probe in it began.
    pub probed_at: Timestamp,
    /// What endpoints answered.
    pub rows: Vec<ProbeRow>,
}

/// What an address of an endpoint answered, for one of the instances that the endpoint leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProbeRow {
    /// ARN of the instance.
    pub arn: String,
    /// When the probe began.
    pub probed_at: Timestamp,
    /// What the RDS API said of the instance's certificate.
    pub expected: ExpectedCertificate,
    /// The answer.
    #[serde(flatten)]
    pub probed: Probed,
}

impl ProbePart {
    /// What a probe found at the endpoints of the instances of one account and region.
    pub fn new(
        (account, region, probed_at): (&str, &str, Timestamp),
        profiles: &[&InstanceProfile],
        probed: &[Probed],
    ) -> Self {
        let mut at: BTreeMap<&Endpoint, Vec<&Probed>> = BTreeMap::new();
        probed.iter().for_each(|probed| at.entry(&probed.endpoint).or_default().push(probed));
        let rows = profiles.iter().flat_map(|profile| {
            let endpoints = profile.tls_endpoints().map(|(_, endpoints)| endpoints).unwrap_or_default();
            let of = |endpoint| at.get(&endpoint).cloned().unwrap_or_default();
            endpoints.into_iter().flat_map(of).map(|probed| ProbeRow {
                arn: profile.arn.clone(),
                probed_at,
                expected: ExpectedCertificate::from(&profile.certificate),
                probed: probed.clone(),
            })
        });
        Self { account: account.to_owned(), region: region.to_owned(), probed_at, rows: rows.collect() }
    }
}

/// A file of them: of one probe, or of many that were merged.
#[derive(Clone, Debug)]
pub(super) struct KeptProbe {
    pub file: Sealed<ProbePart>,
}

impl KeptProbe {
    pub fn read(path: &Path) -> Result<Self> {
        let file = Sealed::<ProbePart>::read_sealed(path)?;
        let held = &file.held;
        if region_key_and_time(path).is_none_or(|(of, _)| of != plain(&[&held.account, &held.region])) {
            return Err(damaged(path, "the content belongs to another account or region than the file name says"));
        }
        let of_row = |row: &ProbeRow| {
            let chain = row.probed.outcome.presented().map(|presented| presented.chain.clone()).unwrap_or_default();
            let ends = chain.iter().flat_map(|certificate| [certificate.valid_from, certificate.valid_till]);
            ends.chain([row.probed_at, row.probed.at]).chain(row.expected.valid_till).collect::<Vec<_>>()
        };
        let mut times = held.rows.iter().flat_map(of_row).chain([held.probed_at]);
        times.try_for_each(range::time).map_err(|what| damaged(path, what))?;
        let is_empty = |row: &ProbeRow| matches!(&row.probed.outcome, Outcome::Presented(it) if it.chain.is_empty());
        if held.rows.iter().any(is_empty) {
            return Err(damaged(path, "a certificate is missing"));
        }
        Ok(Self { file })
    }
}

/// The rows of each instance that count: of each endpoint, those of the last probe to which it presented a certificate. Later
/// failures show nothing of the certificate.
pub(super) fn latest(rows: impl Iterator<Item = ProbeRow>) -> BTreeMap<String, Vec<ProbeRow>> {
    let mut best: BTreeMap<(String, Endpoint), Vec<ProbeRow>> = BTreeMap::new();
    for row in rows.filter(|row| row.probed.outcome.presented().is_some()) {
        let known = best.entry((row.arn.clone(), row.probed.endpoint.clone())).or_default();
        let time = known.first().map(|first| first.probed_at);
        if time.is_none_or(|time| row.probed_at > time) {
            *known = vec![row];
        } else if time == Some(row.probed_at) && !known.contains(&row) {
            known.push(row);
        }
    }
    let mut latest: BTreeMap<String, Vec<ProbeRow>> = BTreeMap::new();
    for ((arn, _), mut rows) in best {
        rows.sort_unstable();
        latest.entry(arn).or_default().extend(rows);
    }
    latest
}

impl Bundle {
    /// Adds what a probe found in a region.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_probe(&self, part: &ProbePart) -> Result<()> {
        self.put_probe(part, &Seal::default())?;
        self.record(&plain(&[&part.account, &part.region]), None)
    }

    /// Adds files; `seal` is what they say of others.
    pub(super) fn put_probe(&self, part: &ProbePart, seal: &Seal) -> Result<()> {
        let pieces: Vec<&[ProbeRow]> = part.rows.chunks(MOST_ROWS).collect();
        let pieces = if pieces.is_empty() { vec![&[][..]] } else { pieces };
        pieces.into_iter().try_for_each(|rows| {
            let piece = ProbePart { rows: rows.to_vec(), ..part.clone() };
            let name = self.free_name(FOLDER, &plain(&[&part.account, &part.region]), part.probed_at)?;
            seal::write(&name.path, seal.clone(), &piece).map(drop)
        })
    }

    /// The probes in files whose name begins so, and those of them that cannot be read.
    pub(super) fn probes_named(&self, begin: &str) -> Result<Each<KeptProbe>> {
        settled(|| each(self.named(FOLDER, begin)?, KeptProbe::read))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::handshake::{Presented, ProbeFailure};
    use crate::inventory::{CertificateFacts, EndpointKind};

    /// A row of an address of an endpoint in a probe; some have failed.
    fn row(arn: u8, host: u8, address: u8, probe: u8, failed: bool) -> ProbeRow {
        let at = |second: u8| Timestamp::from_second(1_795_392_000 + i64::from(second)).expect("in range");
        let facts = CertificateFacts {
            serial: probe.to_string(),
            subject: String::new(),
            issuer: String::new(),
            valid_from: at(0),
            valid_till: at(200),
            sha256: String::new(),
        };
        let presented = Presented { tls_version: "TLSv1.3".to_owned(), chain: vec![facts], matches_host: true };
        let outcome = if failed { Outcome::Failure(ProbeFailure::Refused) } else { Outcome::Presented(presented) };
        ProbeRow {
            arn: arn.to_string(),
            probed_at: at(probe),
            expected: ExpectedCertificate::default(),
            probed: Probed {
                endpoint: Endpoint { kind: EndpointKind::Instance, host: host.to_string(), port: 5432 },
                address: Some(address.to_string()),
                at: at(probe + 1),
                outcome,
            },
        }
    }

    proptest! {
        #[test]
        fn the_last_probe_with_a_certificate_counts_in_any_order_and_however_it_is_merged(
            rows in prop::collection::vec((0u8..2, 0u8..2, 0u8..3, 0u8..4, any::<bool>()), 0..40), cut in 0usize..40,
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(arn, host, address, probe, failed)| row(arn, host, address, probe, failed)).collect();
            let all = latest(rows.iter().cloned());
            prop_assert_eq!(&latest(rows.iter().rev().cloned()), &all);
            let (one, other) = rows.split_at(cut.min(rows.len()));
            let merged = [one, other].into_iter().flat_map(|part| latest(part.iter().cloned()).into_values().flatten());
            prop_assert_eq!(&latest(merged), &all);
            for row in all.values().flatten() {
                let is_later = |other: &&ProbeRow| (&other.arn, &other.probed.endpoint) == (&row.arn, &row.probed.endpoint) && other.probed_at > row.probed_at;
                prop_assert!(rows.iter().filter(is_later).all(|later| later.probed.outcome.presented().is_none()));
            }
        }
    }
}
