//! Turns: threads find blocks in any order, and pass them on in the order of the log.
//!
//! A thread that holds records waits for its turn, so no more than one block for each thread is held. Counts are small, and
//! wait without their thread.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::search::{Counted, Found};
use super::total::Total;
use crate::sink::EventSink;

/// Searches a block, and adds its records in their order.
pub(super) type SearchNow<'t, E> = dyn Fn(u64, &mut Total, &mut dyn EventSink) -> Result<(), E> + Sync + 't;

/// Adds up what the blocks show, in the order of the blocks.
pub(super) struct Turns<'t, E> {
    /// Locked while a block is added.
    turn: Mutex<Turn<'t, E>>,
    /// Wakes the threads that wait when a turn ends.
    changed: Condvar,
    /// Searches a block in its turn, if that was not done before, or did not show enough.
    search: &'t SearchNow<'t, E>,
    /// Most blocks that are counted before their turn.
    ahead: u64,
}

/// Whose turn it is, and what only that thread may use.
struct Turn<'t, E> {
    /// The block whose turn it is. None after an error.
    block: Option<u64>,
    /// The error that ended the turns.
    error: Option<E>,
    /// The sums, to which each block is added.
    total: &'t mut Total,
    /// Takes the events in the order of the log.
    sink: &'t mut dyn EventSink,
    /// Blocks that were counted, or could not be read, before their turn.
    early: BTreeMap<u64, Result<Counted, E>>,
}

impl<'t, E> Turns<'t, E> {
    /// Turns that begin with the first block.
    pub(super) fn new(
        total: &'t mut Total,
        sink: &'t mut dyn EventSink,
        search: &'t SearchNow<'t, E>,
        ahead: u64,
    ) -> Self {
        let turn = Turn { block: Some(0), error: None, total, sink, early: BTreeMap::new() };
        Self { turn: Mutex::new(turn), changed: Condvar::new(), search, ahead }
    }

    /// Locks the turn. A panic of another thread does not make it fail: [`EndOnPanic`] ends the turns.
    fn lock(&self) -> MutexGuard<'_, Turn<'t, E>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the block is less than so many blocks ahead. None after an error.
    fn wait(&self, block: u64, ahead: u64) -> Option<MutexGuard<'_, Turn<'t, E>>> {
        let mut turn = self.lock();
        while block >= turn.block? + ahead {
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        Some(turn)
    }

    /// Waits for the turn of the block, and adds its records.
    ///
    /// After an error it returns at once, and drops what was found.
    pub(super) fn take(&self, block: u64, found: Found<'_>) {
        let Some(mut turn) = self.wait(block, 1) else { return };
        let Turn { total, sink, .. } = &mut *turn;
        total.add(found, *sink);
        turn.end(block, Ok(()));
        turn.add_early(self.search);
        self.changed.notify_all();
    }

    /// Waits for the turn of the block, and searches it. After an error it returns at once.
    pub(super) fn search(&self, block: u64) {
        let Some(mut turn) = self.wait(block, 1) else { return };
        let Turn { total, sink, .. } = &mut *turn;
        let searched = (self.search)(block, total, *sink);
        turn.end(block, searched);
        turn.add_early(self.search);
        self.changed.notify_all();
    }

    /// Adds the counts of the block if it is its turn, and otherwise leaves them to the thread before it.
    ///
    /// It waits only if the block is far ahead. After an error it returns at once, and drops the counts.
    pub(super) fn hand_in(&self, block: u64, counted: Result<Counted, E>) {
        let Some(mut turn) = self.wait(block, self.ahead) else { return };
        turn.early.insert(block, counted);
        turn.add_early(self.search);
        self.changed.notify_all();
    }

    /// The first error, if there was one.
    ///
    /// # Errors
    ///
    /// That of the first block, in the order of the log, that could not be read.
    pub(super) fn result(self) -> Result<(), E> {
        match self.turn.into_inner().unwrap_or_else(PoisonError::into_inner).error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl<E> Turn<'_, E> {
    /// Adds the blocks that were counted before their turn, up to the first one that is missing.
    fn add_early(&mut self, search: &SearchNow<'_, E>) {
        while let Some(block) = self.block
            && let Some(counted) = self.early.remove(&block)
        {
            let added = counted.and_then(|counted| {
                let is_added = self.sink.tally().is_some_and(|tally| self.total.count(counted, tally));
                if is_added { Ok(()) } else { search(block, self.total, self.sink) }
            });
            self.end(block, added);
        }
    }

    /// Ends the turn of a block, and with an error all turns.
    fn end(&mut self, block: u64, added: Result<(), E>) {
        self.block = added.is_ok().then_some(block + 1);
        self.error = added.err();
    }
}

/// Ends the turns if its thread panics. The other threads would wait for its turn forever.
pub(super) struct EndOnPanic<'a, 't, E>(pub &'a Turns<'t, E>);

impl<E> Drop for EndOnPanic<'_, '_, E> {
    /// It sets no error: the panic goes on in the thread that started the others.
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().block = None;
            self.0.changed.notify_all();
        }
    }
}
