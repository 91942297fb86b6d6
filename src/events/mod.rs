//! Events of CloudWatch Logs: what `ssl-usage extract` prints and `ssl-usage collect --events` reads. `README.md` in this folder
//! describes the format.

mod origin;

pub use origin::{Origin, is_account, is_region};

use std::io::{BufRead, Read};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ssl_usage_parsers::envelope::Delivery;

use crate::aws::s3::S3Url;
use crate::bundle::{exported_source, is_time};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::EventFile;

/// Version of the format.
pub const VERSION: u32 = 1;
/// Longest line.
///
/// In bytes. Files have events of up to 16 MiB, and JSON needs up to six bytes for one.
const LINE_MAX: u64 = 100 * 1024 * 1024;

/// An event of a log group, on one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEvent {
    /// [`VERSION`].
    pub v: u32,
    /// The log group and the hour: `cloudwatch:/aws/rds/instance/orders/postgresql:2026-11-23T18`.
    pub source: String,
    /// Account; none if it is not known.
    pub account: Option<String>,
    /// Region; none if it is not known.
    pub region: Option<String>,
    /// `DBInstanceIdentifier`.
    pub instance: String,
    /// The hour: `2026-11-23T18`.
    pub hour: String,
    /// Log stream.
    pub stream: String,
    /// `export`, `subscription` or `query`.
    pub delivery: String,
    /// The file that it was in.
    pub object: String,
    /// Its id, which no other event of the stream has; none if the file has none.
    pub id: Option<String>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp: i64,
    /// The text, without an end of line; none of an event that another process collects, which shows only that its hour has events at
    /// this time.
    pub message: Option<String>,
}

impl LogEvent {
    /// The log group.
    pub fn group(&self) -> Option<&str> {
        Some(self.source.strip_prefix("cloudwatch:")?.rsplit_once(':')?.0)
    }

    /// Whether what it says twice is the same.
    fn is_consistent(&self) -> bool {
        let Some(at) = Timestamp::from_millisecond(self.timestamp).ok().filter(|at| is_time(*at)) else { return false };
        let member = format!("{}/{}", self.group().unwrap_or_default(), self.stream);
        let origin = Origin::default().of_event(&member, "");
        origin.is_some_and(|origin| {
            exported_source(&origin.group, at) == self.source
                && origin.instance == self.instance
                && hour(at) == self.hour
        }) && self.delivered().is_some()
    }

    /// How it was delivered; none for words of other versions.
    pub fn delivered(&self) -> Option<Delivery> {
        DELIVERIES.iter().find(|(_, word)| *word == self.delivery).map(|(delivery, _)| *delivery)
    }
}

fn hour(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}

const DELIVERIES: [(Delivery, &str); 3] =
    [(Delivery::Export, "export"), (Delivery::Subscription, "subscription"), (Delivery::Query, "query")];

/// Passes on the events of a file that belong to log groups of databases, in the order of the file.
///
/// # Errors
///
/// When the file cannot be opened, holds no events of CloudWatch Logs, or breaks off, and when the log group or the time of events is
/// not known. What could be read is passed on.
pub fn extract(object: &str, file: Input<'_>, each: &mut dyn FnMut(LogEvent)) -> Result<()> {
    let opened = match file {
        Input::File(path) => EventFile::open(object, path)?,
        Input::Stream(stream) => EventFile::of(object, stream)?,
    };
    let no_events = || {
        Error::new(ErrorKind::Format, object, "this file contains no events of CloudWatch Logs")
            .hint("leave it out. Files that RDS names are read with `ssl-usage collect --logs`")
    };
    let file = opened.ok_or_else(no_events)?;
    let delivery = DELIVERIES.iter().find(|(delivery, _)| *delivery == file.delivery).map_or("", |(_, word)| word);
    let place = Origin::of_path(object);
    let mut unknown = 0_u64;
    let read = file.read(&mut |event| {
        let origin = place.clone().of_event(&event.member, &event.account);
        let at = Timestamp::from_millisecond(event.at).ok().filter(|at| is_time(*at));
        match at.zip(origin) {
            // Of other services.
            Some((_, origin)) if !origin.group.is_empty() && origin.instance.is_empty() => {}
            Some((at, origin)) if !origin.instance.is_empty() => each(LogEvent {
                v: VERSION,
                source: exported_source(&origin.group, at),
                account: origin.account,
                region: origin.region,
                instance: origin.instance,
                hour: hour(at),
                stream: origin.stream,
                delivery: delivery.to_owned(),
                object: object.to_owned(),
                id: Some(event.id).filter(|id| !id.is_empty()),
                timestamp: event.at,
                message: Some(event.message),
            }),
            _ => unknown += 1,
        }
    });
    read?;
    if unknown > 0 {
        let message = format!("the log group or the time of {unknown} events is unknown");
        return Err(Error::new(ErrorKind::Format, object, message)
            .hint("name the folders after the log group: aws/rds/instance/NAME/postgresql"));
    }
    Ok(())
}

/// The path of a file from the root on. A link has its own name, not that of what it leads to.
pub fn name_of(path: &Path) -> String {
    if S3Url::is_s3(path) {
        return path.display().to_string();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

/// Whether a file has no events and need not have any: an export task writes one to try whether it may, and an empty file is nothing.
pub fn is_no_object(path: &Path, size: Option<u64>) -> bool {
    path.file_name().is_some_and(|name| name == "aws-logs-write-test") || size == Some(0)
}

/// That events of a file could not be read, on one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// [`VERSION`].
    pub v: u32,
    /// The file.
    pub object: String,
    /// Why.
    pub damage: String,
}

/// A line of `ssl-usage extract`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An event.
    Event(LogEvent),
    /// Events are missing.
    Damage(Damage),
}

/// A file, or a stream of the same.
pub enum Input<'i> {
    /// On disk.
    File(&'i Path),
    /// From elsewhere.
    Stream(Box<dyn Read>),
}

/// Reads events, one a line.
///
/// # Errors
///
/// When a line is no event, is too long, or of another version.
pub fn read(name: &str, mut lines: impl BufRead, each: &mut dyn FnMut(Line) -> Result<()>) -> Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let fail = |error| Error::io(Path::new(name), error);
        if lines.by_ref().take(LINE_MAX).read_until(b'\n', &mut line).map_err(fail)? == 0 {
            return Ok(());
        }
        let wrong = |message: String| {
            let subject = format!("{name} line {number}");
            Error::new(ErrorKind::Format, subject, message).hint("use the output of `ssl-usage extract` as it is")
        };
        if line.last() != Some(&b'\n') {
            return Err(wrong("the line is cut, or longer than 100 MiB".to_owned()));
        }
        let unread = |error| wrong(format!("this is no event: {error}"));
        let version = |v: u32| match v {
            VERSION => Ok(()),
            _ => Err(wrong(format!("the event has version {v}, and this version reads {VERSION}"))),
        };
        let event: LogEvent = match serde_json::from_slice(&line) {
            Ok(event) => event,
            Err(error) => {
                let damage: Damage = serde_json::from_slice(&line).map_err(|_| unread(error))?;
                version(damage.v)?;
                each(Line::Damage(damage))?;
                continue;
            }
        };
        version(event.v)?;
        if !event.is_consistent() {
            return Err(wrong("its source, instance, hour, timestamp or delivery contradict each other".to_owned()));
        }
        each(Line::Event(event))?;
    }
    Ok(())
}
