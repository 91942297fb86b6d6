//! Joins the records of one block of a log for a count, before the blocks in front of it are known.
//!
//! A count does not show when a session began or by which method, so most of its records say enough by themselves. Records
//! that do not are kept, and joined once the blocks in front have been.

use super::{BySession, ConnectionEvent, EventKind, OPEN_MAX, Opening, Sessions, event};
use crate::event::{Record, SessionStep, Transport};

/// The sessions of a block, as far as its records show.
#[derive(Debug, Default)]
pub(crate) struct BlockSessions<'a> {
    /// Sessions that do not depend on earlier blocks any more: what is known of them, or none once they are complete.
    known: BySession<Option<Opening<'a>>>,
    /// Records that earlier blocks may add to, in the order of the log.
    pending: Vec<Record<'a>>,
    /// Sessions in `known` that are not complete.
    open: usize,
    /// The most of them at one time.
    most_open: usize,
}

/// What a block changes in the sessions of a log, without its text.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Sessions that the block completes.
    complete: Vec<u64>,
    /// Sessions that it leaves open.
    open: Vec<(u64, Opening<'static>)>,
    /// Records that earlier blocks may add to.
    pending: Vec<Record<'static>>,
    /// The most sessions that were open at one time.
    most_open: usize,
}

impl<'a> BlockSessions<'a> {
    /// Whether a record can be joined here. Not if its meaning depends on all records before it.
    pub fn can_join(record: &Record<'_>) -> bool {
        match record.step {
            SessionStep::Received
            | SessionStep::Authenticated(_)
            | SessionStep::Connected(_)
            | SessionStep::Rejected(_)
            | SessionStep::HandshakeFailed(_)
            | SessionStep::Disconnected(_) => true,
            SessionStep::Connecting(_)
            | SessionStep::Opened(_)
            | SessionStep::Refused(_)
            | SessionStep::Broken(_)
            | SessionStep::Ended => false,
        }
    }

    /// Turns a record into an event, as [`Sessions::join`] does, if earlier blocks do not change how it counts. None for a
    /// record that is kept, that only adds facts to a later one, or that [cannot be joined](Self::can_join).
    pub fn join(&mut self, record: Record<'a>) -> Option<ConnectionEvent<'a>> {
        match record.step {
            SessionStep::Received => {
                if let Some(session) = record.session {
                    let opened = self.known.insert(session, Some(Opening::of(&record.client)));
                    self.opened(opened.flatten().is_none());
                }
                let Record { at, session, client, .. } = record;
                Some(event(at, session, client, None, EventKind::Received))
            }
            SessionStep::Authenticated(_) => self.authenticated(record),
            SessionStep::Connected(_) | SessionStep::Rejected(_) | SessionStep::HandshakeFailed(_) => {
                self.completed(record)
            }
            SessionStep::Disconnected(lasted) => {
                self.complete(record.session);
                let Record { at, session, client, .. } = record;
                Some(event(at, session, client, None, EventKind::Disconnected(lasted)))
            }
            _ => None,
        }
    }

    /// What the block changes, once all its records are joined.
    pub fn finish(self) -> Joined {
        let mut complete = Vec::with_capacity(self.known.len() - self.open);
        let mut open = Vec::with_capacity(self.open);
        for (session, opening) in self.known {
            match opening {
                Some(opening) => open.push((session, opening.into_owned())),
                None => complete.push(session),
            }
        }
        let pending = self.pending.into_iter().map(Record::into_owned).collect();
        Joined { complete, open, pending, most_open: self.most_open }
    }

    /// Takes note of how a client proved who it is.
    fn authenticated(&mut self, record: Record<'a>) -> Option<ConnectionEvent<'a>> {
        let Some(known) = self.known.get_mut(&record.session?) else {
            self.pending.push(record);
            return None;
        };
        let is_new = known.is_none();
        if let SessionStep::Authenticated(method) = record.step {
            known.get_or_insert_default().method = Some(method);
        }
        self.opened(is_new);
        None
    }

    /// Joins the record that completes a session or an attempt.
    fn completed(&mut self, record: Record<'a>) -> Option<ConnectionEvent<'a>> {
        let is_known = record.session.is_none_or(|session| self.known.contains_key(&session));
        let opening = self.complete(record.session);
        // Only the address of an earlier record decides how a session counts: by what it is, or by who connects.
        let stands_alone = record.client.address.is_some() || !matches!(record.step, SessionStep::Connected(_));
        if is_known || stands_alone {
            return opening.unwrap_or_default().complete(record);
        }
        self.pending.push(record);
        None
    }

    /// Takes what is known of a session that is complete.
    fn complete(&mut self, session: Option<u64>) -> Option<Opening<'a>> {
        let opening = self.known.insert(session?, None).flatten();
        self.open -= usize::from(opening.is_some());
        opening
    }

    /// Counts a session that became open, if it `is_new`.
    fn opened(&mut self, is_new: bool) {
        self.open += usize::from(is_new);
        self.most_open = self.most_open.max(self.open);
    }
}

impl Joined {
    /// Most names of TLS versions, and of ciphers, that the records to be joined have.
    pub fn names(&self) -> usize {
        let is_named = |record: &&Record<'_>| matches!(record.step, SessionStep::Connected(Transport::Tls(_)));
        self.pending.iter().filter(is_named).count()
    }
}

impl Sessions {
    /// Whether the next block can be added as it was joined: in the order of the log, the same would come out.
    ///
    /// Not if a session may wait for a refusal, or if so many are open that some would be forgotten within the block.
    pub(crate) fn can_add(&self, block: &Joined) -> bool {
        self.waiting.is_empty() && self.open.len() + block.most_open + block.pending.len() <= OPEN_MAX
    }

    /// Adds the next block. Returns the events of its records that were kept, one for each that makes one.
    pub(crate) fn add(&mut self, block: Joined) -> Vec<ConnectionEvent<'static>> {
        // They come first: a record is kept only while its session depends on earlier blocks.
        let events = block.pending.into_iter().filter_map(|record| self.join(record)).collect();
        for session in &block.complete {
            self.open.remove(session);
        }
        self.open.extend(block.open);
        events
    }
}
