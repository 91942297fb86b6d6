//! The logs of one instance: listed, read several at a time, and written into the bundle as they are done.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use ssl_usage_parsers::{Engine, Logs};

use super::read::{Read, Reader};
use super::span::Rotation;
use crate::aws::Aws;
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::{Bundle, Part, Reading};
use crate::error::{ErrorKind, Result, Trouble};
use crate::inventory::InstanceProfile;
use crate::logs::rds_portion::{self, LogFile};
use crate::progress::Progress;
use crate::window::Window;

/// Logs of an instance that are read at the same time.
const AT_ONCE: usize = 4;
/// How long what was read waits to be written; a collection that is killed loses no more.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// Most logs, and most facts, that wait to be written.
const WAITING: (usize, usize) = (256, 100_000);

/// What the logs of one instance are read with.
pub(super) struct InstanceLogs<'a> {
    pub aws: &'a Aws,
    pub bundle: &'a Bundle,
    pub profile: &'a InstanceProfile,
    pub engine: &'static Engine,
    pub window: Window,
    /// What need not be read again.
    pub known: &'a [Reading],
    pub progress: &'a dyn Progress,
}

/// What was read and is not written yet.
struct Waiting {
    part: Part,
    facts: Vec<(Key, Tallied)>,
    since: Instant,
}

impl InstanceLogs<'_> {
    /// Reads the logs that were written in the window and are not known yet, into the bundle.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be written. What cannot be read is in the bundle, as errors and holes.
    pub async fn collect(&self) -> Result<()> {
        let mut waiting = self.nothing();
        let mut files = match self.list().await {
            Ok(files) => files,
            Err(error) => {
                waiting.part.errors.push(Trouble::from(&error));
                return self.write(waiting).await;
            }
        };
        let known = |reading: &Reading| (reading.source.clone(), reading.listed_bytes, reading.last_written);
        let known: BTreeSet<_> = self.known.iter().map(known).collect();
        let mut done: BTreeSet<String> = BTreeSet::new();
        // Logs that were renamed while they were read are in the list once more, under another name.
        for round in 0..2 {
            // What was read whole before, and has not been written to since, is not read again.
            let is_new = |file: &&LogFile| !known.contains(&(file.name.clone(), file.size, file.last_written));
            let new = files.iter().filter(is_new).filter(|file| !done.contains(&file.name));
            let new: Vec<_> = new.filter_map(|file| Some((file, self.engine.logs_of(&file.name)?))).collect();
            done.extend(new.iter().map(|(file, _)| file.name.clone()));
            let reads: Vec<_> = new.into_iter().map(|(file, logs)| self.read(file, logs, &files)).collect();
            let mut reads = stream::iter(reads).buffer_unordered(AT_ONCE);
            let mut vanished = false;
            while let Some(read) = reads.next().await {
                let Read { reading, facts, error } = read;
                vanished |= error.as_ref().is_some_and(|error| error.kind() == ErrorKind::NotFound);
                waiting.part.errors.extend(error.as_ref().map(Trouble::from));
                waiting.part.readings.push(reading);
                waiting.facts.extend(facts);
                if waiting.is_due() {
                    self.write(std::mem::replace(&mut waiting, self.nothing())).await?;
                }
            }
            drop(reads);
            if !vanished || round > 0 {
                break;
            }
            match self.list().await {
                Ok(again) => files = again,
                Err(error) => {
                    waiting.part.errors.push(Trouble::from(&error));
                    break;
                }
            }
        }
        self.write(waiting).await
    }

    async fn list(&self) -> Result<Vec<LogFile>> {
        let mut files = rds_portion::list(self.aws, &self.profile.instance, self.window.from).await?;
        files.retain(|file| self.engine.logs_of(&file.name).is_some());
        Ok(files)
    }

    async fn read(&self, file: &LogFile, logs: &'static Logs, files: &[LogFile]) -> Read {
        let names = files.iter().map(|file| file.name.as_str()).filter(|name| name.starts_with(logs.prefix));
        let rotation = Rotation::new(logs, self.profile, names);
        let (aws, profile, engine, progress) = (self.aws, self.profile, self.engine, self.progress);
        Reader { aws, profile, engine, logs, rotation, now: self.window.to, progress }.read(file).await
    }

    fn nothing(&self) -> Waiting {
        let part = Part {
            arn: self.profile.arn.clone(),
            account: self.profile.account.clone(),
            region: self.profile.region.clone(),
            instance: self.profile.instance.clone(),
            collected_at: self.window.to,
            readings: Vec::new(),
            errors: Vec::new(),
        };
        Waiting { part, facts: Vec::new(), since: Instant::now() }
    }

    async fn write(&self, mut waiting: Waiting) -> Result<()> {
        if waiting.part.readings.is_empty() && waiting.part.errors.is_empty() {
            return Ok(());
        }
        // In the order of their names, however they came.
        waiting.part.readings.sort_by(|one, other| one.source.cmp(&other.source));
        waiting.part.errors.sort_unstable();
        let bundle = self.bundle.clone();
        // Disks are slow, and what answers arrives meanwhile.
        let written = tokio::task::spawn_blocking(move || bundle.write_part(&waiting.part, &waiting.facts)).await;
        written.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()))
    }
}

impl Waiting {
    fn is_due(&self) -> bool {
        let full = self.part.readings.len() >= WAITING.0 || self.facts.len() >= WAITING.1;
        full || self.since.elapsed() >= WRITTEN_EVERY
    }
}
