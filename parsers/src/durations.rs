//! Pairs the beginning of a connection with its end, by the number that an audit log has for it.
//!
//! A duration that is too long would make a session of before the window look like one that the logs show whole. So numbers
//! are forgotten wherever another server, or the same one after a restart, may have begun to count.

use crate::event::{Client, Micros, fingerprint};
use crate::session::BySession;

/// Most connections that are remembered. A server of RDS has at most 16,000 at the same time.
const OPEN_MAX: usize = 65_536;

/// The longest a login takes. Logins are logged as they end, and numbered as they begin: within this time, a number may be
/// smaller than one that was logged before it. `connect_timeout` is 10 seconds by default.
const LOGIN_MAX: Micros = 120 * 1_000_000;

/// Connections that have not ended, by number.
#[derive(Debug, Default)]
pub struct Numbers {
    /// The server that counts.
    server: Option<u64>,
    /// The highest number, and when it was logged.
    highest: Option<(u64, Micros)>,
    /// Connections without an end so far. At most [`OPEN_MAX`]: a full map is emptied.
    open: BySession<Open>,
}

/// What is known of a connection that has not ended.
#[derive(Debug)]
struct Open {
    /// When its session was logged to begin; none where it was refused.
    began: Option<Micros>,
    /// A hash of its address.
    address: u64,
}

/// A record of a connection: when it was written, and what server, number and address it has.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// When it was written. Without a time, a beginning is not noted, and an end has no duration.
    at: Option<Micros>,
    /// The server, and its number.
    number: Option<(u64, u64)>,
    /// A hash of the client's address. A number counts only with the address that it began with.
    address: u64,
}

impl Entry {
    /// The entry of a record with a session number of [`crate::event::numbered`].
    /// That number holds a hash of the server in its upper 32 bits, and the server's own number in the lower 32.
    pub fn of(at: Option<Micros>, session: Option<u64>, client: &Client<'_>) -> Self {
        let number = session.map(|session| (session >> 32, session & u64::from(u32::MAX)));
        Self { at, number, address: fingerprint(client.address.as_deref().unwrap_or_default()) }
    }
}

impl Numbers {
    /// Takes note of a connection, which became a session or not.
    ///
    /// Does nothing for an entry without a time or a number. If the map is full, the connections in it lose their durations.
    pub fn began(&mut self, entry: &Entry, session: bool) {
        let (Some(at), Some((server, number))) = (entry.at, entry.number) else { return };
        if self.counts_anew(server, number, at) {
            self.open.clear();
            (self.server, self.highest) = (Some(server), None);
        }
        if self.highest.is_none_or(|(highest, _)| number > highest) {
            self.highest = Some((number, at));
        }
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&number) {
            self.open.clear();
        }
        self.open.insert(number, Open { began: session.then_some(at), address: entry.address });
    }

    /// Whether this number cannot be of the server, and of its run, that wrote the records before.
    ///
    /// A smaller number is a slow login within [`LOGIN_MAX`], and a restart later. The same number again counts as a
    /// restart, or as a file that was read twice. A larger number with a much earlier time comes from files in another
    /// order.
    fn counts_anew(&self, server: u64, number: u64, at: Micros) -> bool {
        self.server != Some(server)
            || self.highest.is_some_and(|(highest, logged)| match number.cmp(&highest) {
                std::cmp::Ordering::Less => at.saturating_sub(logged) > LOGIN_MAX,
                std::cmp::Ordering::Equal => true,
                std::cmp::Ordering::Greater => logged.saturating_sub(at) > LOGIN_MAX,
            })
    }

    /// Notes the end of a connection. None if it was rejected, which was reported before. Otherwise the duration of its
    /// session, if that is known.
    ///
    /// `Some(None)` is a session of unknown duration: its beginning is missing, had another address, or is later than its
    /// end.
    pub fn ended(&mut self, entry: &Entry) -> Option<Option<Micros>> {
        let number = entry.number.filter(|(server, _)| self.server == Some(*server)).map(|(_, number)| number);
        let open = number.and_then(|number| self.open.remove(&number));
        match open.filter(|open| open.address == entry.address) {
            Some(Open { began: None, .. }) => None,
            Some(Open { began: Some(began), .. }) => {
                Some(entry.at.and_then(|at| at.checked_sub(began)).filter(|lasted| *lasted >= 0))
            }
            None => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    /// The results of the ends among these records: `(server, second, number, address, what)`.
    ///
    /// `c` is a session that begins, `r` a rejected attempt, and `e` an end. Durations are in seconds.
    fn ends(records: &[(u64, i64, u64, u64, char)]) -> Vec<Option<Option<i64>>> {
        let mut numbers = Numbers::default();
        let mut ends = Vec::new();
        for (server, second, number, address, what) in records.iter().copied() {
            let entry = Entry { at: Some(second * SECOND), number: Some((server, number)), address };
            match what {
                'c' => numbers.began(&entry, true),
                'r' => numbers.began(&entry, false),
                _ => ends.push(numbers.ended(&entry).map(|lasted| lasted.map(|lasted| lasted / SECOND))),
            }
        }
        ends
    }

    #[test]
    fn a_session_lasts_from_its_beginning_to_its_end() {
        assert_eq!(ends(&[(1, 0, 4, 7, 'c'), (1, 5, 5, 8, 'c'), (1, 9, 4, 7, 'e')]), [Some(Some(9))]);
        assert_eq!(ends(&[(1, 0, 5, 7, 'c'), (1, 5, 4, 8, 'c'), (1, 9, 5, 7, 'e')]), [Some(Some(9))], "a slow login");
        assert_eq!(ends(&[(1, 0, 4, 7, 'e')]), [Some(None)], "its beginning is not seen");
        assert_eq!(ends(&[(1, 9, 4, 7, 'c'), (1, 0, 4, 7, 'e')]), [Some(None)], "a clock that was set back");
    }

    #[test]
    fn a_refused_connection_ends_no_session() {
        assert_eq!(ends(&[(1, 0, 4, 7, 'r'), (1, 0, 4, 7, 'e'), (1, 0, 4, 7, 'e')]), [None, Some(None)]);
    }

    #[test]
    fn numbers_of_another_run_or_another_server_are_not_paired() {
        let begun = (1, 0, 4, 7, 'c');
        let hour = 3600;
        for (records, why) in [
            (&[(1, 0, 90, 8, 'c'), (1, hour, 3, 8, 'c'), (1, hour, 4, 7, 'e')], "a restart"),
            (&[(1, 0, 90, 8, 'c'), (1, -hour, 91, 8, 'c'), (1, hour, 4, 7, 'e')], "files in another order"),
            (&[(2, 0, 5, 8, 'c'), (1, 9, 6, 8, 'c'), (1, hour, 4, 7, 'e')], "another server in between"),
            (&[(1, 0, 5, 8, 'c'), (1, 0, 5, 8, 'c'), (1, hour, 4, 7, 'e')], "the same again"),
            (&[(1, 0, 5, 8, 'c'), (1, 0, 6, 8, 'c'), (2, hour, 4, 7, 'e')], "an end on another server"),
            (&[(1, 0, 5, 8, 'c'), (1, 0, 6, 8, 'c'), (1, hour, 4, 9, 'e')], "another client"),
        ] {
            assert_eq!(ends(&[&[begun], records.as_slice()].concat()), [Some(None)], "{why}");
        }
    }

    #[test]
    fn memory_has_a_bound() {
        let mut numbers = Numbers::default();
        for number in 0..3 * OPEN_MAX as u64 {
            numbers.began(&Entry { at: Some(0), number: Some((1, number)), address: 0 }, true);
            assert!(numbers.open.len() <= OPEN_MAX);
        }
    }
}
