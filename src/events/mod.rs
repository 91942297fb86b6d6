//! Events of CloudWatch Logs: what `ssl-usage extract` prints and `ssl-usage collect --events` reads. `README.md` in this folder
//! describes the format.

mod origin;

pub use origin::{Origin, is_account, is_region};

use std::io::{BufRead, Read};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ssl_usage_parsers::envelope::Delivery;

use crate::bundle::exported_source;
use crate::error::{Error, ErrorKind, Result};
use crate::scan::EventFile;

/// Version of the format.
pub const VERSION: u32 = 1;
/// Longest line.
///
/// In bytes. An event of CloudWatch Logs has at most 1 MiB, and JSON needs up to six bytes for one.
const LINE_MAX: u64 = 8 * 1024 * 1024;

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
    /// The text, without an end of line.
    pub message: String,
}

impl LogEvent {
    /// The log group.
    pub fn group(&self) -> Option<&str> {
        Some(self.source.strip_prefix("cloudwatch:")?.rsplit_once(':')?.0)
    }

    /// How it was delivered; none for words of other versions.
    pub fn delivered(&self) -> Option<Delivery> {
        DELIVERIES.iter().find(|(_, word)| *word == self.delivery).map(|(delivery, _)| *delivery)
    }
}

const DELIVERIES: [(Delivery, &str); 3] =
    [(Delivery::Export, "export"), (Delivery::Subscription, "subscription"), (Delivery::Query, "query")];

/// The events of a file that belong to database instances, in the order of the file. Returns how many others there are; none if the
/// file holds no events of CloudWatch Logs.
///
/// # Errors
///
/// When the file cannot be opened. In the result, when it breaks off: what was read up to there is passed on.
pub fn extract(object: &str, file: Input<'_>, each: &mut dyn FnMut(LogEvent)) -> Result<Option<(u64, Result<()>)>> {
    let opened = match file {
        Input::File(path) => EventFile::open(object, path)?,
        Input::Stream(stream) => EventFile::of(object, stream)?,
    };
    let Some(file) = opened else { return Ok(None) };
    let delivery = DELIVERIES.iter().find(|(delivery, _)| *delivery == file.delivery).map_or("", |(_, word)| word);
    let place = Origin::of_path(object);
    let mut others = 0;
    let read = file.read(&mut |event| {
        let origin = place.clone().of_event(&event.member, &event.account);
        let at = Timestamp::from_millisecond(event.at).ok();
        match origin.zip(at) {
            Some((origin, at)) => each(LogEvent {
                v: VERSION,
                source: exported_source(&origin.group, at),
                account: origin.account,
                region: origin.region,
                instance: origin.instance,
                hour: at.strftime("%Y-%m-%dT%H").to_string(),
                stream: origin.stream,
                delivery: delivery.to_owned(),
                object: object.to_owned(),
                id: Some(event.id).filter(|id| !id.is_empty()),
                timestamp: event.at,
                message: event.message,
            }),
            None => others += 1,
        }
    });
    Ok(Some((others, read)))
}

/// That events of a file could not be read, on one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
            return Err(wrong("the line is cut, or longer than 8 MiB".to_owned()));
        }
        let event: LogEvent = match serde_json::from_slice(&line) {
            Ok(event) => event,
            Err(error) => match serde_json::from_slice::<Damage>(&line) {
                Ok(damage) if damage.v == VERSION => {
                    each(Line::Damage(damage))?;
                    continue;
                }
                _ => return Err(wrong(format!("this is no event: {error}"))),
            },
        };
        if event.v != VERSION {
            return Err(wrong(format!("the event has version {}, and this version reads {VERSION}", event.v)));
        }
        let at = Timestamp::from_millisecond(event.timestamp).ok();
        let is_own = |at: Timestamp| event.group().is_some_and(|group| exported_source(group, at) == event.source);
        if !at.is_some_and(is_own) || event.delivered().is_none() {
            return Err(wrong("source, timestamp or delivery are invalid".to_owned()));
        }
        each(Line::Event(event))?;
    }
    Ok(())
}
