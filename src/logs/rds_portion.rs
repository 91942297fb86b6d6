//! Logs by the RDS log-file API: `DescribeDBLogFiles` lists them, `DownloadDBLogFilePortion` reads one, page by page.
//!
//! Undocumented behaviour of the API that is handled here, each with the public thread that shows it:
//!
//! | what happens | what is done |
//! | --- | --- |
//! | without a marker, the *last* lines come | the first marker is `"0"` |
//! | a page of over 1 MB is cut at the byte and ends in a mark; the rest is lost (aws-sdk-js #1463) | the page is asked for again with fewer lines |
//! | `AdditionalDataPending` is false, and the file goes on (aws-cli #2268, #3079) | pages are asked for up to the listed size |
//! | pages overlap by some KB, in closed files too (aws-cli #10319) | what the last page ended with is taken off |
//! | a file that grows may always be pending | it ends when nothing new comes; when more comes than it can have grown, that is an error |
//! | an endpoint that leads nowhere: markers that come again, or pages without end | an error: bytes that came twice must not pass for the rest of the file |
//! | what is packed, or not text, does not survive it | packed logs are refused; what is not UTF-8 is counted as it was |
//! | files vanish, or are renamed, while they are read (vector #16987, aws-sdk-go #3266) | an error that the caller keeps as a gap |

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use memchr::memmem;

use crate::aws::{self, Aws, failure, list as whole_list};
use crate::error::{Error, ErrorKind, Result};

/// The call that lists, as IAM names it.
pub const LIST: &str = "rds:DescribeDBLogFiles";
/// The call that reads, as IAM names it.
pub const ACTION: &str = "rds:DownloadDBLogFilePortion";
/// Most lines of a page, the API's own limit.
const LINES_MAX: i32 = 10_000;
/// How a packed log begins, as far as text can hold it.
const GZIP: char = '\u{1f}';
/// How a page ends that was cut.
const CUT: &str = "[Your log message was truncated]";
/// Longest overlap that is looked for, in bytes.
const OVERLAP_MAX: usize = 64 * 1024;
/// Shortest overlap that is not chance.
const OVERLAP_MIN: usize = 64;
/// Pages in a row that bring nothing new before a log is given up.
const PATIENCE: u32 = 3;
/// Most pages of a file: so many, and one more for every so many bytes of its listed size. A page holds 10,000 lines, or
/// 1 MB; fewer only where lines are so long that a page was cut.
const PAGES: (u64, u64) = (1_000, 1_024);

/// An hour, and a second for so many bytes of a file's listed size.
const TIME: (Duration, u64) = (Duration::from_secs(60 * 60), 4 * 1024);
/// Most bytes that the files of one list may have together. At 100 MB a second, they take half a day to download.
const LISTED_MAX: u64 = 4 << 40;
/// Bytes by which a file may grow, beside its listed size. It grows until it is asked for, which may be an hour after it
/// was listed; what it had when it was listed is all of the window.
const GROWTH: u64 = 1024 * 1024 * 1024;

/// A log file, as the API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Name, with its folder: `error/postgresql.log.2026-11-23-10`.
    pub name: String,
    /// Size in bytes when it was listed. None where the list does not tell, or tells what cannot be: the file is read to its
    /// end, and not believed.
    pub size: Option<u64>,
    /// When it was last written.
    pub last_written: Option<Timestamp>,
}

impl LogFile {
    /// Size in bytes when it was listed; 0 where that is unknown.
    pub fn listed(&self) -> u64 {
        self.size.unwrap_or(0)
    }

    /// Most bytes that are read of it.
    pub(super) fn most(&self) -> u64 {
        2 * self.listed() + GROWTH
    }

    /// Whether all bytes that the list promised are there, once so many came.
    fn is_whole(&self, received: u64) -> bool {
        self.size.is_some_and(|size| received >= size)
    }

    /// Longest time that the endpoint may take for it: slower links are of no use, and it may have grown meanwhile.
    pub(super) fn patience(&self) -> Duration {
        TIME.0 + Duration::from_secs(self.listed() / TIME.1)
    }
}

/// Lists the log files of an instance that were written since a time.
///
/// # Errors
///
/// When any page of the list cannot be had: half a list is not a list.
pub async fn list(aws: &Aws, instance: &str, since: Timestamp) -> Result<Vec<LogFile>> {
    let call = aws.rds.describe_db_log_files().db_instance_identifier(instance);
    let call = call.file_last_written(since.as_millisecond());
    let ask = |marker| call.clone().set_marker(marker).send();
    let files = whole_list(instance, LIST, ask, |page| (page.describe_db_log_files, page.marker)).await?;
    let mut left = LISTED_MAX;
    let mut believed = |size: i64| {
        let size = u64::try_from(size).ok()?;
        left = left.checked_sub(size)?;
        Some(size)
    };
    let files = files.into_iter().map(|file| {
        Ok(LogFile {
            name: file.log_file_name.ok_or_else(|| aws::no_name(instance, LIST))?,
            size: file.size.and_then(&mut believed),
            last_written: file.last_written.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        })
    });
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// A log file that is being read, page by page.
#[derive(Debug)]
pub struct Portions<'a> {
    aws: &'a Aws,
    instance: &'a str,
    file: &'a LogFile,
    marker: String,
    /// Hashes of the markers so far.
    markers: HashSet<u64>,
    pages: u64,
    began: Instant,
    lines: i32,
    received: u64,
    /// How the last page ended.
    tail: Vec<u8>,
    /// Pages in a row that brought nothing.
    idle: u32,
    ended: bool,
}

impl<'a> Portions<'a> {
    /// Begins at the beginning of a file.
    pub fn new(aws: &'a Aws, instance: &'a str, file: &'a LogFile) -> Self {
        let (marker, tail) = ("0".to_owned(), Vec::new());
        let markers = HashSet::from([aws::hash(&marker)]);
        let (pages, began, lines) = (0, Instant::now(), LINES_MAX);
        Self { aws, instance, file, marker, markers, pages, began, lines, received: 0, tail, idle: 0, ended: false }
    }

    /// The least number of bytes of the file that what came can stand for, without what came twice.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next piece of the file; none at its end.
    ///
    /// # Errors
    ///
    /// When a page cannot be had, or the endpoint does not get any further.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.file.name.ends_with(".gz") {
            return Err(self.packed());
        }
        while !self.ended {
            self.pages += 1;
            let most = PAGES.0 + self.file.listed() / PAGES.1;
            let too_long = self.received > self.file.most() || self.began.elapsed() > self.file.patience();
            if self.pages > most || too_long {
                return Err(self.endless());
            }
            let call = self.aws.rds.download_db_log_file_portion().db_instance_identifier(self.instance);
            let call = call.log_file_name(&self.file.name).marker(&self.marker).number_of_lines(self.lines);
            let page = call.send().await.map_err(|error| failure(&self.subject(), ACTION, error))?;
            let text = page.log_file_data().unwrap_or_default();
            if self.received == 0 && text.starts_with(GZIP) {
                return Err(self.packed());
            }
            if self.lines > 1 && text.trim_ascii_end().ends_with(CUT) {
                self.lines = (self.lines / 4).max(1);
                continue;
            }
            self.lines = self.lines.saturating_mul(2).min(LINES_MAX);
            let mut fresh = text.as_bytes().get(overlap(&self.tail, text.as_bytes())..).unwrap_or_default().to_vec();
            // A byte that is not UTF-8 comes as a character of three, and must not stand for bytes that did not come.
            let replaced = memmem::find_iter(&fresh, "\u{fffd}").count() as u64;
            self.received += fresh.len() as u64 - 2 * replaced;
            if fresh.ends_with(CUT.as_bytes()) {
                // The rest of this one line is lost; the next page begins another.
                fresh.push(b'\n');
            }
            let moved = page.marker().is_some_and(|marker| marker != self.marker);
            if let Some(marker) = page.marker().filter(|marker| moved && !self.markers.insert(aws::hash(marker))) {
                return Err(aws::repeated(&self.subject(), ACTION, marker));
            }
            if let Some(marker) = page.marker().filter(|marker| !marker.is_empty()) {
                marker.clone_into(&mut self.marker);
            }
            self.idle = if fresh.is_empty() { self.idle + 1 } else { 0 };
            let pending = page.additional_data_pending() == Some(true);
            let whole = self.file.is_whole(self.received);
            // More is there, and no marker leads to it.
            if !moved && pending && (!whole || !fresh.is_empty()) {
                return Err(aws::repeated(&self.subject(), ACTION, &self.marker));
            }
            let stuck = !moved || self.idle >= PATIENCE || (!pending && fresh.is_empty());
            self.ended = stuck || (!pending && whole);
            if !fresh.is_empty() {
                self.keep_tail(&fresh);
                return Ok(Some(fresh));
            }
        }
        Ok(None)
    }

    fn subject(&self) -> String {
        format!("{} {}", self.instance, self.file.name)
    }

    fn endless(&self) -> Error {
        let (pages, bytes, time) = (self.pages - 1, self.received, self.began.elapsed().as_secs());
        let message = format!(
            "{ACTION} failed: the log did not end: the endpoint sent {pages} pages with {bytes} bytes in {time} s (listed size: \
             {} bytes)",
            self.file.listed()
        );
        Error::new(ErrorKind::Endpoint, self.subject(), message).hint(aws::CHECK_ENDPOINT).call(ACTION, None)
    }

    fn packed(&self) -> Error {
        let message = format!("{ACTION} failed: the log is compressed, and this call returns only text");
        let whole = super::rds_complete::ACTION;
        Error::new(ErrorKind::Format, self.subject(), message)
            .hint(format!("grant the permission {whole}, which downloads it"))
    }

    fn keep_tail(&mut self, fresh: &[u8]) {
        self.tail.extend_from_slice(fresh);
        let excess = self.tail.len().saturating_sub(OVERLAP_MAX);
        self.tail.drain(..excess);
    }
}

/// How many bytes at the beginning of `page` are what `tail` ends with; the longest such run counts.
fn overlap(tail: &[u8], page: &[u8]) -> usize {
    let Some(start) = page.get(..OVERLAP_MIN) else { return 0 };
    memmem::find_iter(tail, start)
        .filter_map(|at| tail.get(at..))
        .find(|end| page.starts_with(end))
        .map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn what_a_page_repeats_is_found() {
        let text: Vec<u8> = (0..2000u32).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        for repeated in [0, 64, 100, 4096] {
            let (tail, page) = (&text[..9000], &text[9000 - repeated..]);
            assert_eq!(overlap(tail, page), repeated);
        }
        assert_eq!(overlap(b"", &text), 0);
        assert_eq!(overlap(&text[..9000], b"line 0\n"), 0, "a short page is no repetition");
    }
}
