//! Hostile clients of model servers: whatever names they have and whatever they write, every session of the others is found
//! as it was, or the loss is reported.
//!
//! `HOSTILE_SECONDS` says how long to go on (10), and `HOSTILE_SEED` where to begin.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failing test panics"
)]

mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use hostile::{
    Audit, Clock, Csv, DocumentDb, Errorlog, General, Json, Listener, ListenerXml, Log, Logger, Stderr, World,
};
use ssl_usage_parsers::{
    Chronology, Chunk, ConnectionEvent, Engine, EventKind, EventSink, HEAD, Hints, Malformed, Reader, RecordParser,
    Scanner, Transport, detect,
};

/// By how many seconds a client can make a session of another seem later, where it has no time of its own, and nobody notices.
const APART: i64 = 60;

/// A session as the log shows it.
struct Found {
    user: Vec<u8>,
    at: Option<i64>,
    /// None where the log does not tell.
    tls: Option<bool>,
}

/// What a scan shows.
#[derive(Default)]
struct Seen {
    found: Vec<Found>,
    unparsed: u64,
}

impl EventSink for Seen {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        let EventKind::Connected(transport) = &event.kind else { return };
        let tls = match transport {
            Transport::Tls(_) => Some(true),
            Transport::Plaintext => Some(false),
            _ => None,
        };
        let user = event.client.user.as_deref().unwrap_or_default().to_vec();
        self.found.push(Found { user, at: event.at, tls });
    }

    fn malformed(&mut self, _: u64, _: Malformed) {
        self.unparsed += 1;
    }
}

fn loggers() -> Vec<Box<dyn Logger>> {
    let prefixes = [
        "%t:%r:%u@%d:[%p]:",
        "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
        "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a",
        "%m [%p] %q%u@%d ",
        "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
        "%m [%p] ",
    ];
    let mut loggers: Vec<Box<dyn Logger>> =
        prefixes.into_iter().map(|prefix| Box::new(Stderr(prefix)) as Box<dyn Logger>).collect();
    loggers.extend([
        Box::new(Csv) as Box<dyn Logger>,
        Box::new(Json),
        Box::new(General { clock: Clock::Iso, last: 0 }),
        Box::new(General { clock: Clock::Old, last: 0 }),
        Box::new(Audit),
        Box::new(Listener),
        Box::new(ListenerXml),
        Box::new(Errorlog),
        Box::new(DocumentDb),
    ]);
    loggers
}

/// The first needle at which a reader of a whole log says something else than the parser says of that needle alone; in the
/// order of the log, and backwards.
fn differing(parser: &dyn RecordParser, text: &[u8]) -> Option<String> {
    let chunk = Chunk { text, starts: true, ends: true };
    let mut hits: Vec<(usize, &[u8])> = Vec::new();
    for needle in parser.needles() {
        let found = text.windows(needle.len()).enumerate().filter(|(_, window)| window == needle);
        hits.extend(found.map(|(hit, _)| (hit, *needle)));
    }
    hits.sort_unstable();
    let (mut forwards, mut backwards) = (parser.reader(chunk), parser.reader(chunk));
    let differs = |read: &mut Reader<'_, '_>, (hit, needle): (usize, &[u8])| {
        let (alone, together) = (parser.read(chunk, needle, hit), read(needle, hit));
        (alone != together).then(|| format!("at {hit}, {together:?} is read instead of {alone:?}"))
    };
    let back = hits.iter().rev().find_map(|hit| differs(&mut backwards, *hit));
    back.or_else(|| hits.iter().find_map(|hit| differs(&mut forwards, *hit)))
}

/// What a scan makes of a log.
enum Outcome {
    /// Every session is found as it was.
    Exact,
    /// Some may not be, which is reported.
    Reported,
    /// One is not, and nothing is said.
    Silent(String),
}

fn outcome(log: &Log, (engine, format): (&str, &str), shows_transport: bool) -> Outcome {
    let hints = Hints { engine: Engine::named(engine), ..Hints::default() };
    let head = &log.text[..log.text.len().min(HEAD)];
    let Some(parser) = detect(head, &hints) else { return Outcome::Silent("the format is not recognised".to_owned()) };
    if parser.format() != format {
        return Outcome::Silent(format!("it is taken for {}", parser.format()));
    }
    if let Some(differing) = differing(parser.as_ref(), &log.text) {
        return Outcome::Silent(differing);
    }
    let mut seen = Seen::default();
    let scanned =
        Scanner::new(parser.as_ref(), 1).written_within(None, log.until * 1_000_000 + 1).scan(&log.text, &mut seen);
    if let Some(language) = scanned.unsupported_language {
        return Outcome::Silent(format!("it is taken for one in {language}"));
    }
    if seen.unparsed > 0 || scanned.disordered {
        return Outcome::Reported;
    }
    let mut found = seen.found;
    let most = if parser.chronology() == Chronology::Changes { APART } else { 0 };
    for opened in &log.opened {
        let tls = shows_transport.then_some(opened.tls);
        let late = |found: &Found| match found.at {
            Some(at) => Some(at.div_euclid(1_000_000) - opened.at).filter(|late| *late >= 0),
            // It counts in every window, and covers no hour.
            None => Some(most),
        };
        // Where a name reads in two ways, the session counts, and nobody is named.
        let is_it = |found: &Found| found.tls == tls && (found.user == opened.user || found.user.is_empty());
        let like = found.iter().enumerate().filter(|(_, found)| is_it(found));
        let nearest =
            like.filter_map(|(at, found)| Some((late(found)?, found.at.is_none(), found.user.is_empty(), at))).min();
        match nearest.filter(|(late, ..)| *late <= most) {
            Some((.., at)) => drop(found.swap_remove(at)),
            None => return Outcome::Silent(format!("{opened} is missing")),
        }
    }
    Outcome::Exact
}

fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_session_of_the_others_is_found_or_its_loss_is_reported() {
    let until = Instant::now() + Duration::from_secs(environment("HOSTILE_SECONDS").unwrap_or(10));
    let first = environment("HOSTILE_SEED").unwrap_or(1);
    let mut loggers = loggers();
    let mut failures: BTreeMap<usize, String> = BTreeMap::new();
    let (mut logs, mut exact, mut sessions, mut seed) = (0u64, 0u64, 0u64, first);
    while seed == first || Instant::now() < until {
        for (number, logger) in loggers.iter_mut().enumerate() {
            if failures.contains_key(&number) {
                continue;
            }
            let (of, shows_transport) = (logger.of(), logger.shows_transport());
            let log = World::new(logger.as_mut(), seed ^ (number as u64) << 48).run(40);
            logs += 1;
            sessions += log.opened.len() as u64;
            match outcome(&log, of, shows_transport) {
                Outcome::Exact => exact += 1,
                Outcome::Reported => {}
                Outcome::Silent(why) => {
                    let path = std::env::temp_dir().join(format!("hostile-{number}-{seed}.log"));
                    fs::write(&path, &log.text).expect("written");
                    failures.insert(number, format!("{of:?}, seed {seed}: {why}; the log is {}", path.display()));
                }
            }
        }
        seed += 1;
    }
    println!("{logs} logs, {exact} of them exact, with {sessions} sessions, seeds {first} to {}", seed - 1);
    assert!(failures.is_empty(), "{}", failures.into_values().collect::<Vec<_>>().join("\n"));
}
