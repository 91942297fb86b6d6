//! Connection records of database logs: what each says about TLS.
//!
//! Bytes in, events out. No I/O, no clock, no AWS. A log comes in pieces of any size, and the events do not depend on how it
//! was cut. Nothing unknown counts as "no": a connection record that is not understood is reported as [`Malformed`].
//!
//! ```
//! use ssl_usage_parsers::{Hints, Scanner, Tally, detect, postgres};
//!
//! let log = b"2026-11-23 18:39:57 UTC:10.0.0.7(49698):app@orders:[21828]:LOG:  connection authorized: \
//!             user=app database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n";
//! let parser = detect(log, &Hints::default()).ok_or("no known format")?;
//! let mut tally = Tally::of(&postgres::ENGINE);
//! Scanner::new(parser.as_ref(), 1).scan(log, &mut tally);
//! assert_eq!(tally.connections.tls, 1);
//! # Ok::<(), &str>(())
//! ```

mod address;
mod bytes;
pub mod db2;
mod detect;
mod digits;
pub mod docdb;
mod durations;
mod engine;
pub mod envelope;
mod event;
mod format;
mod joined;
mod json;
mod lines;
mod mixed;
mod months;
pub mod mysql;
pub mod neptune;
pub mod oracle;
pub mod postgres;
mod scan;
mod session;
mod sink;
pub mod sqlserver;
mod time;
mod unrelated;

pub use detect::{HEAD, Hints, detect};
pub use engine::{
    Engine, Export, LogRotation, LogSwitch, Logs, OPTION, Parsers, Restart, Retention, TlsStart, TlsSwitch, Values,
    setting,
};
pub use event::{
    Client, HandshakeFailure, Malformed, Micros, Parsed, Record, SessionStep, Text, Tls, Transport, is_local,
};
pub use format::{Chronology, Chunk, RECORD_MAX, Reader, RecordParser};
pub use scan::{Scanned, Scanner, UNKNOWN_LANGUAGE};
pub use session::{ConnectionEvent, EventKind, Sessions};
pub use sink::{EventSink, OTHER, Tally, Transports};
pub use time::LogTime;
pub use unrelated::{Unrelated, unrelated};

/// The names of all formats: the values of [`RecordParser::format`]. Sorted.
pub const FORMATS: &[&str] =
    &["aud", "audit", "audit-xml", "csvlog", "errorlog", "general", "jsonlog", "listener", "listener-xml", "stderr"];

/// All engines. A new engine is added here.
///
/// [`detect()`] asks their parsers in this order.
pub static ENGINES: &[&Engine] = &[
    &postgres::ENGINE,
    &mysql::ENGINE,
    &mysql::MARIADB_ENGINE,
    &mysql::AURORA_ENGINE,
    &oracle::ENGINE,
    &sqlserver::ENGINE,
    &db2::ENGINE,
    &docdb::ENGINE,
    &neptune::ENGINE,
];
