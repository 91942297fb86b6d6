//! The digest of evidence: of what counts in it, in one order, however it was collected, split, merged or compressed.
//!
//! It is SHA-256 over numbers and texts in a fixed form: a number is eight bytes, the lowest first; a text is its length
//! and its bytes; what is not there is a length that no text has. Of an instance it holds what the inventory says, the
//! readings that count, their facts, what was measured, the certificates that were presented, and the sessions that
//! were open. Of many it is SHA-256 over a line for each, by ARN:
//! `DIGEST  ARN`. Errors are no part of it.

use std::collections::BTreeMap;

use foldhash::HashMap;
use sha2::{Digest, Sha256};

use super::coverage::LogRead;
use super::facts::{EVENT_TEXTS, Fact, Facts};
use super::metric::Measured;
use crate::inventory::{Endpoint, ServedCertificate};
use crate::sessions::InstanceSamples;
use crate::text::hex;

/// What a length is of a text that is not there.
const ABSENT: u64 = u64::MAX;

/// Bytes that are hashed at once: what is written is mostly eight bytes.
const PIECE: usize = 1 << 16;

struct Canonical {
    hash: Sha256,
    /// What is not hashed yet, and room behind it.
    piece: Vec<u8>,
    used: usize,
}

impl Canonical {
    fn new() -> Self {
        Self { hash: Sha256::new(), piece: vec![0; PIECE], used: 0 }
    }

    fn finish(mut self) -> String {
        self.flush();
        hex(self.hash.finalize().as_slice())
    }

    fn flush(&mut self) {
        self.hash.update(self.piece.get(..self.used).unwrap_or_default());
        self.used = 0;
    }

    /// The first bytes of an array: one of fixed length is copied faster.
    fn start_of<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        if self.used + N > PIECE {
            self.flush();
        }
        if let Some(room) = self.piece.get_mut(self.used..).and_then(<[u8]>::first_chunk_mut) {
            *room = *bytes;
            self.used += length;
        }
    }

    fn number(&mut self, number: u64) {
        self.start_of(&number.to_le_bytes(), 8);
    }

    /// Room for the next so many bytes. None for more than a piece.
    fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        if self.used + bytes > PIECE {
            self.flush();
        }
        let room = self.piece.get_mut(self.used..self.used + bytes)?;
        self.used += bytes;
        Some(room)
    }

    fn text(&mut self, text: Option<&str>) {
        self.number(text.map_or(ABSENT, |text| text.len() as u64));
        let bytes = text.unwrap_or_default().as_bytes();
        match self.room(bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            // It is longer than a piece, and nothing is before it.
            None => self.hash.update(bytes),
        }
    }

    fn form(&mut self, form: &Form<'_>) {
        match form {
            Form::Short(bytes, length) => self.start_of(bytes, *length),
            Form::Long(text) => self.text(Some(text)),
        }
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
    fn facts(&mut self, facts: &Facts) {
        let mut logs: BTreeMap<&str, Vec<&[Fact]>> = BTreeMap::new();
        for run in facts.rows().chunk_by(|one, next| one.log == next.log) {
            let log = run.first().map_or("", |fact| facts.log(fact));
            logs.entry(log).or_default().push(run);
        }
        let mut columns: [Forms<'_>; EVENT_TEXTS.len()] = Default::default();
        for event in facts.events() {
            columns.iter_mut().zip(event.texts()).for_each(|(forms, text)| forms.add(text));
        }
        let rows = |runs: &[&'_ [Fact]]| runs.iter().map(|run| run.len() as u64).sum();
        self.number(logs.len() as u64);
        for (log, runs) in logs {
            self.text(Some(log));
            self.number(rows(&runs));
            for same in runs.iter().flat_map(|run| run.chunk_by(|one, next| one.source == next.source)) {
                let form = Form::of(same.first().map(|fact| facts.source(fact)));
                same.iter().for_each(|_| self.form(&form));
            }
            for forms in &columns {
                for run in &runs {
                    run.iter().filter_map(|fact| forms.of_event(fact.event)).for_each(|form| self.form(form));
                }
            }
            for run in runs {
                self.numbers(run, |fact| u64::from(facts.event(fact).is_some_and(|event| event.system)));
                self.numbers(run, |fact| fact.count);
                self.numbers(run, |fact| fact.hour.cast_unsigned());
                self.numbers(run, |fact| fact.first_seen.cast_unsigned());
                self.numbers(run, |fact| fact.last_seen.cast_unsigned());
                // Hours of a time that can be are never the lowest number.
                self.numbers(run, |fact| fact.open_from.unwrap_or(i64::MIN).cast_unsigned());
                self.numbers(run, |fact| fact.open_to.unwrap_or(i64::MIN).cast_unsigned());
            }
        }
    }

    fn numbers(&mut self, facts: &[Fact], number: impl Fn(&Fact) -> u64) {
        for facts in facts.chunks(PIECE / 8) {
            let room = self.room(8 * facts.len()).map(|room| room.as_chunks_mut().0).unwrap_or_default();
            room.iter_mut().zip(facts).for_each(|(bytes, fact)| *bytes = number(fact).to_le_bytes());
        }
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

/// The texts of a column as they are hashed, each once: so few are at hand in the first cache of a core.
#[derive(Default)]
struct Forms<'t> {
    forms: Vec<Form<'t>>,
    /// Of each text, its form.
    numbers: HashMap<Option<&'t str>, usize>,
    /// Of each event, the form of its text.
    of_events: Vec<usize>,
}

impl<'t> Forms<'t> {
    /// Adds the text of the next event.
    fn add(&mut self, text: Option<&'t str>) {
        let next = self.forms.len();
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.forms.push(Form::of(text));
        }
        self.of_events.push(number);
    }

    fn of_event(&self, event: u32) -> Option<&Form<'t>> {
        self.forms.get(*self.of_events.get(event as usize)?)
    }
}

/// A text as it is hashed, with its length.
enum Form<'t> {
    /// So many bytes of these. Names of log files and ciphers have up to forty.
    Short([u8; 64], usize),
    Long(&'t str),
}

impl<'t> Form<'t> {
    fn of(text: Option<&'t str>) -> Self {
        let mut bytes = [0; 64];
        let length = text.map_or(ABSENT, |text| text.len() as u64).to_le_bytes();
        let all = length.iter().chain(text.unwrap_or_default().as_bytes());
        match text {
            Some(text) if text.len() > bytes.len() - length.len() => Self::Long(text),
            _ => {
                bytes.iter_mut().zip(all).for_each(|(room, byte)| *room = *byte);
                Self::Short(bytes, length.len() + text.map_or(0, str::len))
            }
        }
    }
}

/// The digest of the evidence of one instance, of which the inventory has `profile`, itself a digest.
pub(super) fn of_instance(
    profile: &str,
    readings: &[LogRead],
    facts: Option<&Facts>,
    (measured, (served, sampled)): (&Measured, (&[ServedCertificate], &InstanceSamples)),
) -> String {
    let mut canonical = Canonical::new();
    canonical.text(Some("ssl-usage/evidence/v1"));
    canonical.text(Some(profile));
    canonical.number(readings.len() as u64);
    readings.iter().for_each(|reading| canonical.reading(reading));
    facts.into_iter().for_each(|facts| canonical.facts(facts));
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
    canonical.finish()
}

/// The digest of the evidence of many instances: the ARN and the digest of each. Their order makes no difference.
pub fn of_all<'d>(instances: impl Iterator<Item = (&'d str, &'d str)>) -> String {
    let mut lines: Vec<_> = instances.collect();
    lines.sort_unstable();
    let mut all = Sha256::new();
    lines.into_iter().for_each(|(arn, digest)| all.update(format!("{digest}  {arn}\n")));
    hex(all.finalize().as_slice())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::fact::{Key, Tallied};
    use crate::bundle::fact_file::tests::rows;

    fn number(bytes: &mut Vec<u8>, number: u64) {
        bytes.extend(number.to_le_bytes());
    }

    fn text(bytes: &mut Vec<u8>, text: Option<&str>) {
        number(bytes, text.map_or(u64::MAX, |text| text.len() as u64));
        bytes.extend(text.unwrap_or_default().as_bytes());
    }

    /// The facts of one log, as the digest is defined: column by column.
    fn log(bytes: &mut Vec<u8>, log: &str, rows: &[&(Key, Tallied)]) {
        text(bytes, Some(log));
        number(bytes, rows.len() as u64);
        let columns: [fn(&Key) -> Option<&str>; 11] = [
            |key| Some(&key.source),
            |key| Some(key.event),
            |key| key.transport,
            |key| key.tls_version.as_deref(),
            |key| key.cipher.as_deref(),
            |key| key.user.as_deref(),
            |key| key.database.as_deref(),
            |key| key.address.as_deref(),
            |key| key.application.as_deref(),
            |key| key.auth_method.as_deref(),
            |key| key.cause,
        ];
        columns.iter().for_each(|column| rows.iter().for_each(|(key, _)| text(bytes, column(key))));
        let open = |hour: Option<i64>| hour.unwrap_or(i64::MIN).cast_unsigned();
        rows.iter().for_each(|(key, _)| number(bytes, u64::from(key.system)));
        rows.iter().for_each(|(_, tallied)| number(bytes, tallied.count));
        rows.iter().for_each(|(key, _)| number(bytes, key.hour.cast_unsigned()));
        rows.iter().for_each(|(_, tallied)| number(bytes, tallied.first_seen.cast_unsigned()));
        rows.iter().for_each(|(_, tallied)| number(bytes, tallied.last_seen.cast_unsigned()));
        rows.iter().for_each(|(key, _)| number(bytes, open(key.open.map(|(from, _)| from))));
        rows.iter().for_each(|(key, _)| number(bytes, open(key.open.map(|(_, to)| to))));
    }

    proptest! {
        #[test]
        fn the_digest_of_facts_is_that_of_their_columns(rows in rows(), long in 0usize..200_000) {
            // One text is longer than what is hashed at once.
            let mut rows = rows;
            rows.iter_mut().take(1).for_each(|(key, _)| key.application = Some("x".repeat(long)));
            let mut bytes = Vec::new();
            text(&mut bytes, Some("ssl-usage/evidence/v1"));
            text(&mut bytes, Some("profile"));
            number(&mut bytes, 0);
            let mut logs: BTreeMap<&str, Vec<&(Key, Tallied)>> = BTreeMap::new();
            rows.iter().for_each(|row| logs.entry(&row.0.source).or_default().push(row));
            // In one run each.
            let sorted: Vec<(Key, Tallied)> = logs.values().flatten().map(|row| (*row).clone()).collect();
            number(&mut bytes, logs.len() as u64);
            logs.iter().for_each(|(name, rows)| log(&mut bytes, name, rows));
            let beside = (&Measured::default(), (&[][..], &InstanceSamples::default()));
            let found = of_instance("profile", &[], Some(&Facts::of(&sorted)), beside);
            prop_assert_eq!(found, hex(Sha256::digest(&bytes).as_slice()));
        }
    }
}
