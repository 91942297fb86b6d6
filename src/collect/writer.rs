//! Writes the log reads of an instance into the bundle every few seconds, so that a killed collection loses little, and the
//! memory stays bounded.

use std::time::{Duration, Instant};

use super::instance::InstanceLogs;
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::{Bundle, Digests, LogRead, Part};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::text::plural;

/// How long what was read waits to be written.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// Most logs, and most facts, that wait to be written.
const WAITING: (usize, usize) = (256, 100_000);

/// Writes what was read of one instance.
pub(super) struct Writer<'a> {
    of: InstanceLogs<'a>,
    bundle: &'a Bundle,
    readings: Vec<LogRead>,
    facts: Vec<(Key, Tallied)>,
    errors: Vec<Problem>,
    since: Instant,
    /// All that was read so far, written or not.
    read: Vec<LogRead>,
    /// The parts that the next one stands beside: all that were there, and then the one before it.
    earlier: Digests,
    /// Whether a log is read again by each run, so that parts are named by what they hold.
    of_copies: bool,
    /// Logs with sessions after the inventory was taken.
    later: u64,
}

impl<'a> Writer<'a> {
    pub fn new(of: InstanceLogs<'a>, bundle: &'a Bundle) -> Self {
        let (readings, facts, errors, read) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let earlier = of.known.files.clone();
        Self { of, bundle, readings, facts, errors, since: Instant::now(), read, earlier, of_copies: false, later: 0 }
    }

    /// For copies of logs: equal runs write equal parts, and no part twice.
    pub fn of_copies(of: InstanceLogs<'a>, bundle: &'a Bundle) -> Self {
        Self { of_copies: true, ..Self::new(of, bundle) }
    }

    /// Warns of logs that reports leave out: their window ends when the inventory was taken.
    pub fn warn_of_later(&self, progress: &dyn Progress) {
        if self.later > 0 {
            let (logs, to) = (plural(self.later, "log"), self.of.request.window.to);
            let message = format!(
                "{logs} with sessions after {to}, when the inventory was taken: reports leave these sessions out"
            );
            let warning = Error::new(ErrorKind::NoMatch, &self.of.profile.instance, message);
            progress.warn(&warning.hint("renew the inventory with `ssl-usage preflight --bundle`"));
        }
    }

    /// All that was read so far.
    pub fn read(&self) -> &[LogRead] {
        &self.read
    }

    /// Adds what could not be read.
    pub fn fail(&mut self, errors: impl IntoIterator<Item = Problem>) {
        let profile = self.of.profile;
        self.errors.extend(errors.into_iter().map(|problem| problem.at(Some(&profile.account), &profile.region)));
    }

    /// Adds what was read, and writes what waits if it is time.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be written.
    pub async fn add(&mut self, mut reading: LogRead, facts: Vec<(Key, Tallied)>) -> Result<()> {
        // A client can make two logs begin alike. Those of one list are two all the same.
        let is_imitable = self.of.engine.logs_of(&reading.source).is_some_and(|logs| logs.imitable);
        let is_alike = |other: &LogRead| other.log == reading.log && other.source != reading.source;
        if is_imitable && self.read.iter().any(is_alike) {
            reading.log = format!("{}#{}", reading.log, reading.source);
        }
        self.later += u64::from(reading.sessions_between().is_some_and(|(_, last)| last > self.of.request.window.to));
        self.read.push(reading.clone());
        self.readings.push(reading);
        self.facts.extend(facts);
        let full = self.readings.len() >= WAITING.0 || self.facts.len() >= WAITING.1;
        // The clock would cut equal runs into unequal parts.
        let is_time = !self.of_copies && self.since.elapsed() >= WRITTEN_EVERY;
        if full || is_time { self.write().await } else { Ok(()) }
    }

    /// Writes what waits.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be written.
    pub async fn write(&mut self) -> Result<()> {
        self.since = Instant::now();
        if self.readings.is_empty() && self.errors.is_empty() {
            return Ok(());
        }
        let profile = self.of.profile;
        let mut part = Part {
            arn: profile.arn.clone(),
            account: profile.account.clone(),
            region: profile.region.clone(),
            instance: profile.instance.clone(),
            collected_at: self.of.now(),
            readings: std::mem::take(&mut self.readings),
            errors: std::mem::take(&mut self.errors),
        };
        let facts = std::mem::take(&mut self.facts);
        // In the order of their names, however they came.
        part.readings.sort_by(|one, other| one.source.cmp(&other.source));
        part.errors.sort_unstable();
        let (bundle, earlier) = (self.bundle.clone(), std::mem::take(&mut self.earlier));
        let of_copies = self.of_copies;
        // Disks are slow, and what answers arrives meanwhile.
        let written = tokio::task::spawn_blocking(move || match of_copies {
            true => bundle.write_part_once(&part, &facts),
            false => bundle.write_part(&part, &facts, &earlier).map(Some),
        });
        let written = written.await.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()))?;
        self.earlier = written.into_iter().collect();
        Ok(())
    }
}
