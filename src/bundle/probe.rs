//! Certificates that servers presented, and the sessions that were open there, as `ssl-usage probe` saw them.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::inventory::{Endpoint, ExpectedCertificate, InstanceProfile, ServedCertificate};
use crate::sessions::{InstanceSamples, Sample};

/// The folder of its files.
pub(super) const FOLDER: &str = "probes";
/// Bytes of JSON above which a probe has a further file: a quarter of what is read of one.
const MOST_BYTES: usize = 16 << 20;
/// Most sessions of an instance in one file, likewise.
const MOST_SESSIONS: usize = 10_000;

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
    /// The sessions that were open, by instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<InstanceSamples>,
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
    /// What a probe found at the endpoints of the instances of one account and region, and the sessions on them.
    pub fn new(
        (account, region, probed_at): (&str, &str, Timestamp),
        profiles: &[&InstanceProfile],
        (probed, samples): (&[Probed], &[InstanceSamples]),
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
        let is_here = |samples: &&InstanceSamples| profiles.iter().any(|profile| profile.arn == samples.arn);
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            probed_at,
            rows: rows.collect(),
            samples: samples.iter().filter(is_here).cloned().collect(),
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.samples.is_empty()
    }
}

impl ProbePart {
    /// The same in files that can be read; there is at least one.
    pub(super) fn pieces(&self) -> Vec<Self> {
        let (account, region, probed_at) = (&self.account, &self.region, self.probed_at);
        let empty = || Self {
            account: account.clone(),
            region: region.clone(),
            probed_at,
            rows: Vec::new(),
            samples: Vec::new(),
        };
        let (mut pieces, mut size) = (vec![empty()], 0);
        let mut add = |length: usize, add: &dyn Fn(&mut Self)| {
            if size + length > MOST_BYTES && size > 0 {
                pieces.push(empty());
                size = 0;
            }
            size += length;
            pieces.iter_mut().last().into_iter().for_each(add);
        };
        for row in &self.rows {
            add(json_length(row), &|piece| piece.rows.push(row.clone()));
        }
        for samples in self.samples.iter().flat_map(in_parts) {
            add(json_length(&samples), &|piece| piece.samples.push(samples.clone()));
        }
        pieces
    }
}

fn json_length(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

/// The samples of an instance, in parts with no more sessions than a file holds.
fn in_parts(all: &InstanceSamples) -> Vec<InstanceSamples> {
    let part = |sessions: &[_]| InstanceSamples { sessions: sessions.to_vec(), ..InstanceSamples::new(&all.arn) };
    let (samples, handshakes) = (all.samples.clone(), all.handshakes.clone());
    let first = InstanceSamples { samples, handshakes, ..InstanceSamples::new(&all.arn) };
    let mut parts: Vec<_> = all.sessions.chunks(MOST_SESSIONS).map(part).collect();
    match parts.first_mut() {
        Some(with_sessions) => with_sessions.absorb(first),
        None => parts.push(first),
    }
    parts
}

/// The samples of each instance, by ARN. Each of their sessions is there once.
pub(super) fn sampled(samples: impl Iterator<Item = InstanceSamples>) -> BTreeMap<String, InstanceSamples> {
    let mut all: BTreeMap<String, InstanceSamples> = BTreeMap::new();
    for samples in samples {
        all.entry(samples.arn.clone()).or_insert_with(|| InstanceSamples::new(&samples.arn)).absorb(samples);
    }
    all
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
        let of_samples = |all: &InstanceSamples| {
            let of_sample = |sample: &Sample| {
                let started = sample.listed().and_then(|listed| listed.started_at);
                let logins = sample.listed().and_then(|listed| listed.logins.clone());
                let groups = logins.map(|logins| logins.groups).unwrap_or_default();
                let of_logins = groups.into_iter().flat_map(|group| [Some(group.first_at), Some(group.last_at)]);
                let times = [Some(sample.at), sample.own.as_ref().map(|own| own.at), started];
                times.into_iter().chain(of_logins).collect::<Vec<_>>()
            };
            let sessions = all.sessions.iter();
            let of_sessions = sessions.flat_map(|it| [Some(it.first_seen), Some(it.last_seen), it.started_at]);
            let of_handshakes = all.handshakes.iter().map(|handshake| Some(handshake.at));
            let all = all.samples.iter().flat_map(of_sample).chain(of_sessions).chain(of_handshakes);
            all.flatten().collect::<Vec<_>>()
        };
        let of_samples = held.samples.iter().flat_map(of_samples);
        let mut times = held.rows.iter().flat_map(of_row).chain(of_samples).chain([held.probed_at]);
        times.try_for_each(range::time).map_err(|what| damaged(path, what))?;
        let is_empty = |row: &ProbeRow| matches!(&row.probed.outcome, Outcome::Presented(it) if it.chain.is_empty());
        if held.rows.iter().any(is_empty) {
            return Err(damaged(path, "a certificate is missing"));
        }
        Ok(Self { file })
    }
}

/// The rows that may count, now or once others are added: of each instance, endpoint and address, the last one, and the last
/// certificate for each thing that the API said then. Others are never needed again.
pub(super) fn needed(rows: impl Iterator<Item = ProbeRow>) -> BTreeSet<ProbeRow> {
    let mut last: BTreeMap<_, ProbeRow> = BTreeMap::new();
    for row in rows {
        let of = (row.arn.clone(), row.probed.endpoint.clone(), row.probed.address.clone());
        let presented = row.probed.outcome.presented().map(|_| row.expected.clone());
        let mut keep = |key| {
            let known = last.entry(key).or_insert_with(|| row.clone());
            if (row.probed_at, &row) > (known.probed_at, &*known) {
                *known = row.clone();
            }
        };
        keep((of.clone(), None));
        presented.into_iter().for_each(|expected| keep((of.clone(), Some(expected))));
    }
    last.into_values().collect()
}

/// The certificates that count, by instance. A later failure shows nothing of the certificate. An address counts no longer if
/// the endpoint presented one after it led there for the last time.
pub(super) fn counting(rows: impl Iterator<Item = ProbeRow>) -> BTreeMap<String, Vec<ServedCertificate>> {
    let rows = needed(rows);
    let endpoint = |row: &ProbeRow| (row.arn.clone(), row.probed.endpoint.clone());
    let (mut presented, mut led_there) = (BTreeMap::new(), BTreeMap::new());
    for row in &rows {
        let newest = |time: &mut Timestamp| *time = row.probed_at.max(*time);
        led_there.entry((endpoint(row), &row.probed.address)).and_modify(newest).or_insert(row.probed_at);
        if row.probed.outcome.presented().is_some() {
            presented.entry(endpoint(row)).and_modify(newest).or_insert(row.probed_at);
        }
    }
    let mut counting: BTreeMap<String, Vec<ServedCertificate>> = BTreeMap::new();
    for row in &rows {
        let is_gone = led_there.get(&(endpoint(row), &row.probed.address)) < presented.get(&endpoint(row));
        if let Some(served) = row.probed.served(row.expected.clone()).filter(|_| !is_gone) {
            counting.entry(row.arn.clone()).or_default().push(served);
        }
    }
    // The last row of an address may be its last certificate.
    counting.values_mut().for_each(|served| {
        served.sort_unstable();
        served.dedup();
    });
    counting
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
        part.pieces().iter().try_for_each(|piece| {
            let name = self.free_name(FOLDER, &plain(&[&piece.account, &piece.region]), piece.probed_at)?;
            seal::write(&name.path, seal.clone(), piece).map(drop)
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
    use crate::sessions::{Listed, OwnHandshake, OwnLogin, SampleOutcome, SampledSession, SessionTransport};

    /// A row of an address of an endpoint in a probe; some have failed.
    fn row_of(arn: u8, host: u8, address: u8, probe: u8, failed: bool) -> ProbeRow {
        let at = |second: u8| Timestamp::from_second(1_795_392_000 + i64::from(second)).expect("in range");
        let facts = CertificateFacts {
            serial: probe.to_string(),
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
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

    fn any_rows() -> impl Strategy<Value = Vec<ProbeRow>> {
        let row = (0u8..2, 0u8..2, 0u8..3, 0u8..4, any::<bool>(), 0u8..2);
        let row = row.prop_map(|(arn, host, address, probe, failed, listed)| {
            let ca = Some(listed.to_string());
            let expected = ExpectedCertificate { ca, ..ExpectedCertificate::default() };
            ProbeRow { expected, ..row_of(arn, host, address, probe, failed) }
        });
        prop::collection::vec(row, 0..40)
    }

    proptest! {
        #[test]
        fn the_same_certificates_count_in_any_order_and_however_they_are_merged(rows in any_rows(), cut in 0usize..40) {
            let all = counting(rows.iter().cloned());
            prop_assert_eq!(&counting(rows.iter().rev().cloned()), &all);
            let (one, other) = rows.split_at(cut.min(rows.len()));
            let merged = [one, other].into_iter().flat_map(|part| needed(part.iter().cloned()));
            prop_assert_eq!(&counting(merged), &all);
        }

        /// Whatever fails later, and whatever the API says later.
        #[test]
        fn a_certificate_that_counts_is_displaced_only_by_another_of_its_endpoint(rows in any_rows(), later in any_rows()) {
            let later = later.into_iter().map(|row| {
                let failure = Outcome::Failure(ProbeFailure::Refused);
                ProbeRow { probed: Probed { outcome: failure, ..row.probed.clone() }, ..row }
            });
            let before = counting(rows.iter().cloned());
            let after = counting(rows.into_iter().chain(later));
            for (arn, served) in before {
                let left = after.get(&arn).cloned().unwrap_or_default();
                prop_assert!(served.iter().all(|served| left.contains(served)), "{:?} {:?}", served, left);
            }
        }
    }

    #[test]
    fn what_was_sampled_is_read_as_it_was_written() {
        let at = |second: i64| Timestamp::from_second(1_795_392_000 + second).expect("in range");
        let session = |id: u64| SampledSession {
            first_seen: at(1),
            last_seen: at(2),
            id,
            started_at: None,
            transport: SessionTransport::Tls,
            tls_version: None,
            cipher: None,
            user: Some("app".to_owned()),
            database: None,
            address: None,
            application: None,
            system: false,
        };
        let own = OwnLogin { id: Some(7), user: "monitor".to_owned(), address: None, at: at(1), accepted: true };
        let outcome = SampleOutcome::Listed(Listed { open: 1, ..Listed::default() });
        let mut sampled = InstanceSamples::new("arn");
        sampled.absorb(InstanceSamples {
            samples: vec![Sample { at: at(1), own: Some(own), outcome }],
            sessions: (0..MOST_SESSIONS as u64 + 5).map(session).collect(),
            handshakes: vec![OwnHandshake { at: at(3), is_certain: true }],
            ..InstanceSamples::new("arn")
        });
        let folder = tempfile::TempDir::new().expect("a folder");
        let bundle = Bundle::create(&folder.path().join("bundle")).expect("a bundle");
        let (account, region) = ("123456789012".to_owned(), "eu-west-1".to_owned());
        let part = ProbePart { account, region, probed_at: at(0), rows: Vec::new(), samples: vec![sampled.clone()] };
        bundle.write_probe(&part).expect("it is written");
        let (kept, broken) = bundle.probes_named("").expect("files");
        assert!(broken.is_empty(), "{broken:?}");
        let all = super::sampled(kept.into_iter().flat_map(|(_, kept)| kept.file.held.samples));
        assert_eq!(all.get("arn"), Some(&sampled));
    }

    #[test]
    fn an_address_that_a_host_no_longer_leads_to_does_not_count() {
        let at = |address, probe, failed| row_of(1, 1, address, probe, failed);
        let count = |rows: Vec<ProbeRow>| counting(rows.into_iter()).remove("1").map_or(0, |served| served.len());
        assert_eq!(count(vec![at(1, 0, false), at(2, 0, false)]), 2);
        assert_eq!(count(vec![at(1, 0, false), at(2, 1, false)]), 1);
        assert_eq!(count(vec![at(1, 0, false), at(2, 1, false), at(1, 1, true)]), 2, "it still leads there");
        assert_eq!(count(vec![at(1, 0, false), at(2, 1, true)]), 1, "no certificate took its place");
    }
}
