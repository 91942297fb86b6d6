//! The walk: matches the pieces of a prefix with a line, and tries where each name may end.
//!
//! ```text
//! %t:%r:%u@%d:[%p]:
//! 2026-11-23 18:39:57 UTC:10.0.0.7(49698):a@b@orders:[21828]:LOG:  x
//! ```
//!
//! Here the user may be `a` or `a@b`. The walk tries `a` first, and the caller decides which match it accepts.
//! Time is bounded by [`MOST_STEPS`], or by the memory of dead ends.

use super::severity::severity;
use super::values::{remote, session_id, skip, strip, time, whole_time};
use super::{APPLICATION_MAX, Field, HOST_MAX, Head, NAME_MAX, PREFIX_MAX, Piece, Prefix};
use crate::digits::split_number;
use crate::postgres::time::epoch_time;

/// States of a walk from which no severity can be reached. They are kept once a walk has taken many steps, because names
/// can be split in very many ways.
#[derive(Default)]
pub(super) struct DeadEnds {
    /// Steps so far, of both kinds of walk.
    steps: usize,
    /// Whether names decide which match is accepted. Then no state is a dead end for all of them.
    by_names: bool,
    /// A bit for each state.
    known: Vec<u64>,
}

impl DeadEnds {
    /// For a walk in which names decide which match is accepted.
    pub(super) fn by_names() -> Self {
        Self { by_names: true, ..Self::default() }
    }

    /// The position of the bit of a state: how many pieces are left, where in the line, and whether a session wrote the line
    /// as far as it was read.
    ///
    /// Returns the index of the word in `known`, and a mask with the one bit.
    fn bit(left: usize, at: usize, of_session: bool) -> (usize, u64) {
        let state = (left * (PREFIX_MAX + 1) + at) * 2 + usize::from(of_session);
        (state / 64, 1 << (state % 64))
    }

    /// Whether a state is a dead end.
    fn contains(&self, (word, bit): (usize, u64)) -> bool {
        self.known.get(word).is_some_and(|known| known & bit != 0)
    }

    /// Marks a state as a dead end.
    ///
    /// Memory grows up to the highest state that was marked: 64 states take 8 bytes.
    fn insert(&mut self, (word, bit): (usize, u64)) {
        if self.known.len() <= word {
            self.known.resize(word + 1, 0);
        }
        if let Some(known) = self.known.get_mut(word) {
            *known |= bit;
        }
    }
}

/// Steps of a walk that need no memory of dead ends. Nearly all lines take fewer.
const FEW_STEPS: usize = 512;
/// Most steps of a walk in which names decide which match is accepted.
///
/// A walk that reaches it finds no match.
const MOST_STEPS: usize = 16 * 1024;

/// Whether a match of a prefix, which ends where its severity begins, is the wanted one.
pub(super) type Accept<'f, 'a> = &'f mut dyn FnMut(&Head<'a>) -> bool;

/// The match of a prefix with a line.
struct Walk<'p, 'f, 'a> {
    prefix: &'p Prefix,
    /// At most `PREFIX_MAX` bytes.
    line: &'a [u8],
    /// What was matched so far.
    head: Head<'a>,
    /// Asked at every severity that a way through the pieces leads to.
    accept: Accept<'f, 'a>,
    dead: DeadEnds,
}

impl Prefix {
    /// The first match of the prefix with the start of `line` that is accepted.
    ///
    /// None where no way through the pieces leads to a severity, or no such way is accepted.
    pub(super) fn walk<'a>(&self, line: &'a [u8], accept: Accept<'_, 'a>, dead: DeadEnds) -> Option<Head<'a>> {
        let mut walk = Walk { prefix: self, line, head: Head::default(), accept, dead };
        walk.from(&self.pieces, 0).then_some(walk.head)
    }

    /// Matches a piece that can end in one place only, and returns that.
    ///
    /// The offset is in bytes from the start of `line`. Values found so far are put into `head`.
    /// None where the text has another shape, and for pieces of variable length, which [`Walk`] tries instead.
    /// Padding takes no bytes here: [`Walk`] tries its lengths.
    pub(super) fn step<'a>(&self, piece: &Piece, line: &'a [u8], at: usize, head: &mut Head<'a>) -> Option<usize> {
        let input = line.get(at..)?;
        let field = match piece {
            Piece::Literal(literal) => return strip(input, literal).map(|_| at + literal.len()),
            Piece::Syslog => return self.syslog(line, at, head),
            Piece::SessionOnly | Piece::Padding => return Some(at),
            Piece::Field(field) => field,
        };
        let rest = match field {
            Field::Time => {
                let (length, time) = time(input)?;
                head.at = Some(time);
                return Some(at + length);
            }
            Field::Epoch => {
                let (rest, time) = epoch_time(input).ok()?;
                head.at = Some(time);
                rest
            }
            Field::SessionStart => whole_time(input)?.0,
            Field::Pid => {
                let (pid, rest) = split_number(input)?;
                head.pid = Some(pid);
                rest
            }
            // Query identifiers are signed.
            Field::Digits => skip(input.strip_prefix(b"-").unwrap_or(input), |byte| byte.is_ascii_digit())?,
            Field::SqlState => {
                let (state, rest) = input.split_at_checked(5)?;
                state.iter().all(u8::is_ascii_alphanumeric).then_some(rest)?
            }
            Field::VirtualTransaction => skip(input, |byte| byte.is_ascii_digit() || byte == b'/')?,
            Field::SessionId => {
                let (rest, pid) = session_id(input)?;
                head.pid = head.pid.or(pid);
                head.session = input.get(..input.len() - rest.len());
                rest
            }
            Field::Remote => {
                let (rest, remote) = remote(input);
                (head.address, head.port) = (remote.address, remote.port);
                rest
            }
            Field::Host | Field::LocalHost | Field::User | Field::Database | Field::Application | Field::Words => {
                return None;
            }
        };
        Some(line.len() - rest.len())
    }
}

impl Walk<'_, '_, '_> {
    /// Matches `pieces` from `at` on. If a field may end in several places, tries them all, shortest first.
    ///
    /// Returns whether a match was accepted; its values are then in `head`. Otherwise `head` holds leftovers.
    fn from(&mut self, pieces: &[Piece], at: usize) -> bool {
        self.dead.steps += 1;
        if self.dead.steps <= FEW_STEPS {
            return self.matches(pieces, at);
        }
        if self.dead.by_names {
            return self.dead.steps <= MOST_STEPS && self.matches(pieces, at);
        }
        let state = DeadEnds::bit(pieces.len(), at, self.head.of_session());
        if self.dead.contains(state) {
            return false;
        }
        let found = self.matches(pieces, at);
        if !found {
            self.dead.insert(state);
        }
        found
    }

    /// The same, without a look at the number of steps.
    fn matches(&mut self, pieces: &[Piece], at: usize) -> bool {
        let Some((piece, rest)) = pieces.split_first() else { return self.reached(at) };
        match piece {
            // Sessions first: a user may be called `LOG:  x`.
            Piece::SessionOnly => self.from(rest, at) || (!self.head.of_session() && self.reached(at)),
            Piece::Literal(literal) => {
                self.line.get(at..).is_some_and(|input| strip(input, literal).is_some())
                    && self.from(rest, at + literal.len())
            }
            Piece::Field(Field::User | Field::Database) => self.matches_any(piece, 0, NAME_MAX, rest, at),
            Piece::Field(Field::Application) => {
                // Where there is a session, there is a name, if only `[unknown]`.
                let shortest = usize::from(self.head.of_session());
                self.matches_any(piece, shortest, APPLICATION_MAX, rest, at)
            }
            Piece::Field(Field::Words) | Piece::Padding => self.matches_any(piece, 0, APPLICATION_MAX, rest, at),
            Piece::Field(Field::Host | Field::LocalHost) => self.matches_any(piece, 0, HOST_MAX, rest, at),
            Piece::Syslog | Piece::Field(_) => match self.prefix.step(piece, self.line, at, &mut self.head) {
                Some(next) => self.from(rest, next),
                None => false,
            },
        }
    }

    /// Matches a piece of variable length, and the `rest` behind it.
    ///
    /// Lengths are in bytes, and include both limits. Where fixed text follows, only ends before its first byte are tried.
    fn matches_any(&mut self, piece: &Piece, shortest: usize, longest: usize, rest: &[Piece], at: usize) -> bool {
        let line = self.line;
        let first = match rest.first() {
            Some(Piece::Literal(literal)) => literal.first().copied(),
            _ => None,
        };
        let limit = line.len().min(at + longest);
        let mut end = at + shortest;
        let mut held = at;
        loop {
            match first {
                Some(byte) => {
                    // Names are short: a plain loop is at their end before a search has begun.
                    let mut text = line.get(end..line.len().min(limit + 1)).unwrap_or_default().iter();
                    match text.position(|other| *other == byte) {
                        Some(found) => end += found,
                        None => return false,
                    }
                }
                None if end > limit => return false,
                None => {}
            }
            let (Some(text), Some(added)) = (line.get(at..end), line.get(held..end)) else { return false };
            if !may_hold(piece, added) {
                return false;
            }
            held = end;
            self.head.put(piece, Some(text));
            if self.from(rest, end) {
                return true;
            }
            self.head.put(piece, None);
            end += 1;
        }
    }

    /// Whether a severity stands at `at`, and the match that it ends is accepted.
    fn reached(&mut self, at: usize) -> bool {
        let Some(message_at) = severity(self.line, at) else { return false };
        self.head.severity_at = at;
        self.head.message_at = message_at;
        (self.accept)(&self.head)
    }
}

/// Whether a field of variable length can hold this text.
///
/// Names may hold any byte. Padding is blanks only, and hosts are printable ASCII without blanks.
/// Other text has no control characters.
fn may_hold(piece: &Piece, text: &[u8]) -> bool {
    match piece {
        Piece::Padding => text.iter().all(|byte| *byte == b' '),
        Piece::Field(Field::Host | Field::LocalHost) => text.iter().all(u8::is_ascii_graphic),
        Piece::Field(Field::Application | Field::Words) => !text.iter().any(u8::is_ascii_control),
        _ => true,
    }
}
