//! The digest of evidence: of what counts in it, in one order, however it was collected, split, merged or compressed.
//!
//! It is SHA-256 over numbers and texts in a fixed form: a number is eight bytes, the lowest first; a text is its length
//! and its bytes; what is not there is a length that no text has. Of an instance it holds what the inventory says, the
//! readings that count, their facts, what was measured, the certificates that were presented, and the sessions that
//! were open. Of many it is SHA-256 over a line for each, by ARN:
//! `DIGEST  ARN`. Errors are no part of it.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};
use sha2::{Digest, Sha256};

use super::coverage::LogRead;
use super::fact::{TEXTS, column};
use super::metric::Measured;
use crate::inventory::{Endpoint, ServedCertificate};
use crate::sessions::InstanceSamples;
use crate::text::hex;

/// What a length is of a text that is not there.
const ABSENT: u64 = u64::MAX;

struct Canonical(Sha256);

impl Canonical {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        self.number(text.map_or(ABSENT, |text| text.len() as u64));
        self.0.update(text.unwrap_or_default());
    }

    fn time(&mut self, micros: Option<i64>) {
        self.text(micros.map(|micros| micros.to_string()).as_deref());
    }

    fn reading(&mut self, reading: &LogRead) {
        let at = |time: Option<jiff::Timestamp>| time.map(jiff::Timestamp::as_microsecond);
        let texts =
            [Some(&reading.source), Some(&reading.log), reading.format.as_ref(), reading.log_line_prefix.as_ref()];
        texts.into_iter().for_each(|text| self.text(text.map(String::as_str)));
        let (from, to) = (reading.span.map(|span| span.from), reading.span.map(|span| span.to));
        let times = [reading.last_written, from, to, reading.first_session_at, reading.last_session_at];
        times.into_iter().for_each(|time| self.time(at(time)));
        let counts = [
            reading.listed_bytes,
            reading.read_bytes,
            reading.records,
            reading.sessions,
            reading.tls_sessions,
            reading.unknown_sessions,
            reading.unparsed,
            u64::from(reading.complete),
            reading.gaps.len() as u64,
        ];
        counts.into_iter().for_each(|count| self.number(count));
        for gap in &reading.gaps {
            [gap.cause.name(), &gap.message].into_iter().for_each(|text| self.text(Some(text)));
        }
    }

    /// Facts, log by log. Those of one log stand together, in the order in which they were written.
    fn facts(&mut self, facts: &DataFrame) -> PolarsResult<()> {
        let mut logs: BTreeMap<&str, Vec<(i64, usize)>> = BTreeMap::new();
        let mut last = None;
        for (row, log) in facts.column(column::LOG)?.str()?.iter().enumerate() {
            let rows = logs.entry(log.unwrap_or_default()).or_default();
            match rows.last_mut().filter(|_| last == Some(log)) {
                Some((_, length)) => *length += 1,
                None => rows.push((row as i64, 1)),
            }
            last = Some(log);
        }
        self.number(logs.len() as u64);
        for (log, rows) in logs {
            self.text(Some(log));
            self.number(rows.iter().map(|(_, length)| *length as u64).sum());
            for name in TEXTS {
                for (row, length) in &rows {
                    facts.column(name)?.slice(*row, *length).str()?.iter().for_each(|text| self.text(text));
                }
            }
            for (row, length) in &rows {
                let part = |name: &str| Ok::<_, polars::prelude::PolarsError>(facts.column(name)?.slice(*row, *length));
                part(column::SYSTEM)?.bool()?.iter().for_each(|flag| self.number(flag.map_or(ABSENT, u64::from)));
                part(column::COUNT)?.u64()?.iter().for_each(|count| self.number(count.unwrap_or(ABSENT)));
                for name in TIMES {
                    // Hours and microseconds of a time that can be are never the lowest number.
                    part(name)?.i64()?.iter().for_each(|time| self.number(time.unwrap_or(i64::MIN).cast_unsigned()));
                }
            }
        }
        Ok(())
    }

    fn metrics(&mut self, measured: &Measured) {
        for (measure, hour, value) in measured.values() {
            [measure.subject.as_str(), &measure.metric, measure.statistic.name()]
                .into_iter()
                .for_each(|text| self.text(Some(text)));
            self.number(hour.cast_unsigned());
            // Zero has two forms.
            self.number((value + 0.0).to_bits());
        }
    }

    /// Certificates that were presented, in their order.
    fn served(&mut self, served: &[ServedCertificate]) {
        self.number(served.len() as u64);
        for one in served {
            let Endpoint { kind, host, port } = &one.endpoint;
            let ServedCertificate { address, tls_version, expected, .. } = one;
            [kind.name(), host, address, tls_version].into_iter().for_each(|text| self.text(Some(text)));
            self.number(u64::from(*port));
            self.number(u64::from(one.matches_host));
            self.time(Some(one.at.as_microsecond()));
            self.text(expected.ca.as_deref());
            self.time(expected.valid_till.map(jiff::Timestamp::as_microsecond));
            self.number(one.chain.len() as u64);
            one.chain.iter().for_each(|certificate| self.text(Some(&certificate.sha256)));
        }
    }

    /// Connection IDs by log, as JSON.
    fn connection_ids(&mut self, readings: &[&LogRead]) {
        let ids: Vec<_> = readings.iter().map(|reading| (&reading.log, &reading.connection_ids)).collect();
        self.text(serde_json::to_string(&ids).ok().as_deref());
    }

    /// Samples and sessions, in their order, as JSON.
    fn samples(&mut self, sampled: &InstanceSamples) {
        self.text(serde_json::to_string(sampled).ok().as_deref());
    }
}

const TIMES: [&str; 5] = [column::HOUR, column::FIRST_SEEN, column::LAST_SEEN, column::OPEN_FROM, column::OPEN_TO];

/// The digest of the evidence of one instance, of which the inventory has `profile`, itself a digest.
pub(super) fn of_instance(
    profile: &str,
    readings: &[LogRead],
    facts: Option<&DataFrame>,
    (measured, (served, sampled)): (&Measured, (&[ServedCertificate], &InstanceSamples)),
) -> PolarsResult<String> {
    let mut canonical = Canonical(Sha256::new());
    canonical.text(Some("ssl-usage/evidence/v1"));
    canonical.text(Some(profile));
    canonical.number(readings.len() as u64);
    readings.iter().for_each(|reading| canonical.reading(reading));
    facts.map_or(Ok(()), |facts| canonical.facts(facts))?;
    canonical.metrics(measured);
    // Evidence without connection IDs has the digest that it had before they were kept.
    let ids: Vec<_> = readings.iter().filter(|reading| !reading.connection_ids.is_empty()).collect();
    if !ids.is_empty() {
        canonical.connection_ids(&ids);
    }
    // Evidence without a probe has the digest that it had before there were probes.
    if !served.is_empty() {
        canonical.served(served);
    }
    if !sampled.samples.is_empty() {
        canonical.samples(sampled);
    }
    Ok(hex(canonical.0.finalize().as_slice()))
}

/// The digest of the evidence of many instances: the ARN and the digest of each. Their order makes no difference.
pub fn of_all<'d>(instances: impl Iterator<Item = (&'d str, &'d str)>) -> String {
    let mut lines: Vec<_> = instances.collect();
    lines.sort_unstable();
    let mut all = Sha256::new();
    lines.into_iter().for_each(|(arn, digest)| all.update(format!("{digest}  {arn}\n")));
    hex(all.finalize().as_slice())
}
