//! Progress of a long run. The library never writes to a terminal.

use crate::error::Error;

/// Receives the progress of a collection. Called from many tasks.
pub trait Progress: Send + Sync {
    /// So many instances are to be read.
    fn begin(&self, instances: usize);
    /// A log of an instance is being read.
    fn log(&self, instance: &str, log: &str);
    /// So many bytes more have been read.
    fn bytes(&self, bytes: u64);
    /// Something went wrong that the job goes on without, and that is in no report.
    fn warn(&self, error: &Error);
    /// An instance is done.
    fn done(&self, instance: &str);
}

/// Ignores all progress.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: usize) {}
    fn log(&self, _: &str, _: &str) {}
    fn bytes(&self, _: u64) {}
    fn warn(&self, _: &Error) {}
    fn done(&self, _: &str) {}
}
