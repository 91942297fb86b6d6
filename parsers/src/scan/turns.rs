//! Turns: threads find blocks in any order, and pass them on in the order of the log.
//!
//! A thread that is ahead waits. So no more than one block for each thread is held, and no queue can grow.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::search::Found;
use super::total::Total;
use crate::sink::EventSink;

/// Adds up what the blocks show, in the order of the blocks.
pub(super) struct Turns<'t, E> {
    /// Locked while a block is added.
    turn: Mutex<Turn<'t, E>>,
    /// Wakes the threads that wait when a turn ends.
    changed: Condvar,
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
}

impl<'t, E> Turns<'t, E> {
    /// Turns that begin with the first block.
    pub(super) fn new(total: &'t mut Total, sink: &'t mut dyn EventSink) -> Self {
        Self { turn: Mutex::new(Turn { block: Some(0), error: None, total, sink }), changed: Condvar::new() }
    }

    /// Locks the turn. A panic of another thread does not make it fail: [`EndOnPanic`] ends the turns.
    fn lock(&self) -> MutexGuard<'_, Turn<'t, E>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of the block, and adds what it shows.
    ///
    /// After an error it returns at once, and drops what was found.
    pub(super) fn take(&self, block: u64, found: Result<Found<'_>, E>) {
        let mut turn = self.lock();
        while turn.block.is_some_and(|current| current != block) {
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        let Turn { block: current, error, total, sink } = &mut *turn;
        match found {
            _ if current.is_none() => {}
            Ok(found) => {
                total.add(found, *sink);
                *current = Some(block + 1);
            }
            Err(cause) => {
                *error = Some(cause);
                *current = None;
            }
        }
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
