//! The walk: matches the pieces of a prefix with a line, and tries where each name may end.

use super::severity::severity;
use super::values::{remote, session_id, skip, strip, time, whole_time};
use super::{APPLICATION_MAX, Field, HOST_MAX, Head, NAME_MAX, PREFIX_MAX, Piece, Prefix};
use crate::digits::split_number;
use crate::postgres::time::epoch_time;

/// States of a walk from which no severity can be reached. They are kept once a walk has taken many steps, because names
/// can be split in very many ways.
#[derive(Default)]
pub(super) struct DeadEnds {
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
    fn bit(left: usize, at: usize, of_session: bool) -> (usize, u64) {
        let state = (left * (PREFIX_MAX + 1) + at) * 2 + usize::from(of_session);
        (state / 64, 1 << (state % 64))
    }

    fn contains(&self, (word, bit): (usize, u64)) -> bool {
        self.known.get(word).is_some_and(|known| known & bit != 0)
    }

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
const MOST_STEPS: usize = 16 * 1024;

/// Whether a match of a prefix, which ends where its severity begins, is the wanted one.
pub(super) type Accept<'f, 'a> = &'f mut dyn FnMut(&Head<'a>) -> bool;

impl Prefix {
    /// Matches `pieces` from `at` on. If a field may end in several places, tries them all, shortest first.
    pub(super) fn walk<'a>(
        &self,
        pieces: &[Piece],
        line: &'a [u8],
        at: usize,
        head: &mut Head<'a>,
        accept: Accept<'_, 'a>,
        dead: &mut DeadEnds,
    ) -> bool {
        dead.steps += 1;
        if dead.steps <= FEW_STEPS {
            return self.walk_on(pieces, line, at, head, accept, dead);
        }
        if dead.by_names {
            return dead.steps <= MOST_STEPS && self.walk_on(pieces, line, at, head, accept, dead);
        }
        let state = DeadEnds::bit(pieces.len(), at, head.of_session());
        if dead.contains(state) {
            return false;
        }
        let found = self.walk_on(pieces, line, at, head, accept, dead);
        if !found {
            dead.insert(state);
        }
        found
    }

    /// The same, without a look at the number of steps.
    fn walk_on<'a>(
        &self,
        pieces: &[Piece],
        line: &'a [u8],
        at: usize,
        head: &mut Head<'a>,
        accept: Accept<'_, 'a>,
        dead: &mut DeadEnds,
    ) -> bool {
        let Some((piece, rest)) = pieces.split_first() else {
            return reached(line, at, head, accept);
        };
        let (shortest, longest) = match piece {
            // Sessions first: a user may be called `LOG:  x`.
            Piece::SessionOnly => {
                return self.walk(rest, line, at, head, accept, dead)
                    || (!head.of_session() && reached(line, at, head, accept));
            }
            Piece::Field(Field::User | Field::Database) => (0, NAME_MAX),
            // Where there is a session, there is a name, if only `[unknown]`.
            Piece::Field(Field::Application) => (usize::from(head.of_session()), APPLICATION_MAX),
            Piece::Field(Field::Words) => (0, APPLICATION_MAX),
            Piece::Field(Field::Host | Field::LocalHost) => (0, HOST_MAX),
            Piece::Literal(literal) => {
                return line.get(at..).is_some_and(|input| strip(input, literal).is_some())
                    && self.walk(rest, line, at + literal.len(), head, accept, dead);
            }
            Piece::Padding => (0, APPLICATION_MAX),
            Piece::Syslog | Piece::Field(_) => {
                let Some(next) = self.step(piece, line, at, head) else { return false };
                return self.walk(rest, line, next, head, accept, dead);
            }
        };
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
            head.put(piece, Some(text));
            if self.walk(rest, line, end, head, accept, dead) {
                return true;
            }
            head.put(piece, None);
            end += 1;
        }
    }

    /// Matches a piece that can end in one place only, and returns that.
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

/// Whether a field of variable length can hold this text.
fn may_hold(piece: &Piece, text: &[u8]) -> bool {
    match piece {
        Piece::Padding => text.iter().all(|byte| *byte == b' '),
        Piece::Field(Field::Host | Field::LocalHost) => text.iter().all(u8::is_ascii_graphic),
        Piece::Field(Field::Application | Field::Words) => !text.iter().any(u8::is_ascii_control),
        _ => true,
    }
}

/// Whether a severity stands at `at`, and the match that it ends is accepted.
fn reached<'a>(line: &'a [u8], at: usize, head: &mut Head<'a>, accept: Accept<'_, 'a>) -> bool {
    let Some(message_at) = severity(line, at) else { return false };
    head.severity_at = at;
    head.message_at = message_at;
    accept(head)
}
