//! The logs of one instance: listed, read several at a time, and written into the bundle as they are done.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use ssl_usage_parsers::{Engine, Export, LogSwitch, Logs};

use super::cloudwatch::Exported;
use super::log_span::Rotation;
use super::read_log::{Read, Reader, cause};
use super::writer::Writer;
use super::{Request, Source, log_source};
use crate::aws::Aws;
use crate::bundle::{Bundle, Known, LogGap, LogRead, is_time, listing_source};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::InstanceProfile;
use crate::logs::rds_portion::{self, LogFile};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::window::Window;

/// Logs of an instance that are read at the same time.
const AT_ONCE: usize = 4;
/// Most files of a kind of log that may leave sessions out. Oracle writes one for each session.
const PARTIAL_MAX: usize = 500;

/// The logs of one instance: which there are, and which of them must be read.
#[derive(Clone, Copy)]
pub(super) struct InstanceLogs<'a> {
    pub request: &'a Request,
    pub profile: &'a InstanceProfile,
    pub engine: &'static Engine,
    /// What the bundle holds of it.
    pub known: &'a Known,
}

/// Reads them into a bundle.
pub(super) struct Collection<'a> {
    pub aws: &'a Aws,
    pub of: InstanceLogs<'a>,
    pub bundle: &'a Bundle,
    pub progress: &'a dyn Progress,
}

impl InstanceLogs<'_> {
    /// When the logs are read, as far as they are to know.
    pub(super) fn now(&self) -> Timestamp {
        self.request.window.to
    }

    /// Whether any of its logs is served as files.
    pub(super) fn has_files(&self) -> bool {
        self.engine.logs.iter().any(|logs| logs.prefix.is_some())
    }

    /// The files that must be read: what was read whole before, and has not been written to since, is not read again.
    pub(super) fn new_files<'f>(
        &self,
        files: &'f [LogFile],
        done: &BTreeSet<String>,
    ) -> impl Iterator<Item = &'f LogFile> {
        let known = |reading: &LogRead| (reading.source.clone(), Some(reading.listed_bytes), reading.last_written);
        let known: BTreeSet<_> = self.known.complete.iter().map(known).collect();
        let is_new = move |file: &&LogFile| !known.contains(&(file.name.clone(), file.size, file.last_written));
        files.iter().filter(is_new).filter(move |file| !done.contains(&file.name))
    }

    /// The kinds of logs that are exported to CloudWatch Logs.
    pub(super) fn exports(&self) -> impl Iterator<Item = (&'static Logs, &'static Export)> {
        let is_on = |export: &&Export| self.profile.log_exports.iter().any(|on| on == export.log_type);
        self.engine.logs.iter().filter_map(move |logs| Some((logs, logs.export.as_ref().filter(is_on)?)))
    }

    /// The part of the window in which the instance existed.
    pub(super) fn exported_window(&self) -> Window {
        let Window { from, to } = self.request.window;
        Window { from: self.profile.created_at.unwrap_or(from).max(from), to }
    }

    pub(super) async fn list(&self, aws: &Aws) -> Result<Vec<LogFile>> {
        let mut files = rds_portion::list(aws, &self.profile.instance, self.request.window.from).await?;
        files.iter_mut().for_each(|file| file.last_written = file.last_written.filter(|at| is_time(*at)));
        files.retain(|file| self.engine.logs_of(&file.name).is_some_and(|logs| self.is_written(logs)));
        Ok(newest_of_partial(files, |file| {
            self.engine.logs_of(&file.name).is_some_and(|logs| !logs.logs_every_session)
        }))
    }

    /// What is missing when the logs cannot be listed: all that was written since the last one that is known.
    fn unlisted(&self, error: &Error) -> Option<LogRead> {
        let complete = self.engine.logs.iter().filter(|logs| logs.logs_every_session);
        let (logs, prefix) = complete.into_iter().find_map(|logs| Some((logs, logs.prefix?)))?;
        let Window { from, to } = self.exported_window();
        let shown = log_source::shown(self.engine, logs, self.known.complete.iter());
        let from = shown.iter().map(|span| span.to).max().map_or(from, |last| last.max(from).min(to));
        let source = listing_source(prefix);
        let gap = LogGap { cause: cause(error), message: error.advice() };
        let (log, span) = (source.clone(), Some(Window { from, to }));
        Some(LogRead { source, log, span, gaps: vec![gap], ..LogRead::default() })
    }

    /// Whether sessions may be in logs of a kind: one that may leave sessions out anyway is not read while it is off.
    fn is_written(&self, logs: &Logs) -> bool {
        let off = |switch: &LogSwitch| {
            let parameter = self.profile.parameters.get(switch.parameter);
            parameter.is_some_and(|parameter| parameter.in_effect && !switch.is_on(parameter.value.as_deref()))
        };
        logs.logs_every_session || !logs.switches.iter().any(off)
    }
}

/// All files, but of those that may leave sessions out only the newest: they prove no more with every file of thousands.
fn newest_of_partial(files: Vec<LogFile>, is_partial: impl Fn(&LogFile) -> bool) -> Vec<LogFile> {
    let (mut partial, mut files): (Vec<_>, Vec<_>) = files.into_iter().partition(is_partial);
    partial.sort_by(|one, other| (other.last_written, &other.name).cmp(&(one.last_written, &one.name)));
    partial.truncate(PARTIAL_MAX);
    files.extend(partial);
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

impl Collection<'_> {
    /// Reads the logs that were written in the window and are unknown yet, into the bundle.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be written. What cannot be read is in the bundle, as errors and gaps.
    pub async fn collect(&self) -> Result<()> {
        let mut writer = Writer::new(self.of, self.bundle);
        let mut left_out = 0;
        if self.of.request.source.files() && self.of.has_files() {
            left_out = self.files(&mut writer).await?;
        }
        if left_out == 0 {
            self.exported(&mut writer).await?;
        }
        writer.write().await
    }

    /// Reads the log files. Returns how many of them were left out, because the verdict is certain without them.
    async fn files(&self, writer: &mut Writer<'_>) -> Result<usize> {
        let mut files = match self.of.list(self.aws).await {
            Ok(files) => files,
            Err(error) => {
                writer.fail([Problem::from(&error)]);
                if let Some(reading) = self.of.unlisted(&error) {
                    writer.add(reading, Vec::new()).await?;
                }
                return Ok(0);
            }
        };
        let mut done: BTreeSet<String> = BTreeSet::new();
        let quick = self.of.request.quick.as_ref();
        let mut is_certain = quick.is_some_and(|quick| quick.0.without_logs(self.of.profile));
        // Logs that were renamed while they were read are in the list once more, under another name.
        for round in 0..2 {
            let new = self.of.new_files(&files, &done);
            let mut new: Vec<_> = new.filter_map(|file| Some((file, self.of.engine.logs_of(&file.name)?))).collect();
            done.extend(new.iter().map(|(file, _)| file.name.clone()));
            if quick.is_some() {
                new.sort_by(|(one, _), (other, _)| {
                    (other.last_written, &other.name).cmp(&(one.last_written, &one.name))
                });
            }
            let mut new = new.into_iter();
            let first = new.by_ref().take(if is_certain { 0 } else { AT_ONCE });
            let mut reads: FuturesUnordered<_> = first.map(|(file, logs)| self.read(file, logs, &files)).collect();
            let mut vanished = false;
            while let Some(read) = reads.next().await {
                let Read { reading, facts, error } = read;
                is_certain |=
                    quick.is_some_and(|quick| quick.is_certain(self.of.profile, self.of.request.window, &facts));
                if !is_certain {
                    reads.extend(new.next().map(|(file, logs)| self.read(file, logs, &files)));
                }
                vanished |= error.as_ref().is_some_and(|error| error.kind() == ErrorKind::NotFound);
                writer.fail(error.as_ref().map(Problem::from));
                writer.add(reading, facts).await?;
            }
            drop(reads);
            let rest: Vec<_> = new.collect();
            for (file, logs) in &rest {
                let rotation = self.rotation(logs, &files);
                let reader = Reader { of: &self.of, logs, rotation: &rotation, progress: self.progress };
                writer.add(reader.left_out(file), Vec::new()).await?;
            }
            if is_certain || !vanished || round > 0 {
                return Ok(rest.len());
            }
            match self.of.list(self.aws).await {
                Ok(again) => files = again,
                Err(error) => {
                    writer.fail([Problem::from(&error)]);
                    break;
                }
            }
        }
        Ok(0)
    }

    /// Reads from CloudWatch Logs what was not read as files.
    async fn exported(&self, writer: &mut Writer<'_>) -> Result<()> {
        let mut any = false;
        for (logs, export) in self.of.exports() {
            any = true;
            let readings = self.of.known.complete.iter().chain(writer.read());
            let shown = log_source::shown(self.of.engine, logs, readings);
            let wanted = self.of.request.source.exported(self.of.exported_window(), &shown);
            let reader = Exported { aws: self.aws, of: &self.of, logs, export, progress: self.progress };
            reader.read(&wanted, writer).await?;
        }
        if !any && self.of.request.source == Source::Cloudwatch {
            writer.fail([self.not_exported()]);
        }
        Ok(())
    }

    fn not_exported(&self) -> Problem {
        let types: Vec<_> =
            self.of.engine.logs.iter().filter_map(|logs| Some(logs.export.as_ref()?.log_type)).collect();
        let message = "no log with sessions of this instance is exported to CloudWatch Logs";
        let error = Error::new(ErrorKind::NotFound, &self.of.profile.instance, message);
        Problem::from(&error.hint(format!("export {}, or leave --source out", types.join(" or "))))
    }

    async fn read(&self, file: &LogFile, logs: &'static Logs, files: &[LogFile]) -> Read {
        let rotation = self.rotation(logs, files);
        Reader { of: &self.of, logs, rotation: &rotation, progress: self.progress }.download(self.aws, file).await
    }

    fn rotation(&self, logs: &'static Logs, files: &[LogFile]) -> Rotation {
        Rotation::new(logs, self.of.profile, files.iter().filter(|file| logs.has_file(&file.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_thousands_of_audit_files_the_newest_are_read_whatever_is_known_of_their_age() {
        let file = |name: String, second: Option<i64>| LogFile {
            name,
            size: Some(1),
            last_written: second.map(|second| Timestamp::from_second(second).expect("in range")),
        };
        let count = |age: fn(i64) -> Option<i64>| {
            let audit = (0..2000).map(|number| file(format!("audit/{number:04}.aud"), age(number)));
            let files: Vec<_> = audit.chain([file("listener/a".to_owned(), None)]).collect();
            newest_of_partial(files, |file| file.name.starts_with("audit/"))
        };
        for age in [(|number| Some(number)) as fn(i64) -> Option<i64>, |_| Some(7), |_| None] {
            let left = count(age);
            assert_eq!(left.len(), PARTIAL_MAX + 1, "and no log of another kind is left out");
            assert_eq!(left[0].name, "audit/1500.aud");
        }
    }
}
