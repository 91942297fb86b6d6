//! Ctrl-C and SIGTERM: the command stops at once, says what was kept, and ends with status 130 or 143.
//!
//! Evidence is written so that a process may be killed at any time, so nothing has to be finished first.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::progress::Counts;
use super::{complain, complain_of, working_copies};
use crate::problem::Problem;
use crate::text::{bytes, plural};

/// What a stopped command leaves.
#[derive(Default)]
struct UnderWay {
    /// The bundle that is extended, and what was read so far.
    collection: Option<(PathBuf, Arc<Counts>)>,
    /// A file that is not whole yet.
    unfinished: Option<PathBuf>,
}

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay { collection: None, unfinished: None });

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that a collection into the bundle at `path` has begun.
pub(super) fn collecting(path: &Path, counts: &Arc<Counts>) {
    under_way().collection = Some((path.to_owned(), Arc::clone(counts)));
}

/// Notes that the collection has ended.
pub(super) fn collected() {
    under_way().collection = None;
}

/// Notes a file that is to be removed if the command is stopped, or that there is none any more.
pub(super) fn unfinished(path: Option<&Path>) {
    under_way().unfinished = path.map(Path::to_owned);
}

/// Watches for signals from now on, on a thread of its own.
pub(super) fn watch() {
    // Without a thread, a signal ends the process without a message.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        if let Ok(Some(signal)) = runtime.map(|runtime| runtime.block_on(signals::next())) {
            stop(signal);
        }
    });
}

/// The name and the exit status of a signal.
#[derive(Clone, Copy)]
struct Signal {
    name: &'static str,
    status: u8,
}

#[allow(clippy::exit, reason = "other threads are in the middle of something that may be killed")]
fn stop(signal: Signal) -> ! {
    // Held until the end, so that nothing else is noted or printed in between.
    let under_way = under_way();
    if let Some(path) = &under_way.unfinished {
        let _ = std::fs::remove_file(path);
    }
    let saved = working_copies::save();
    let Signal { name, status } = signal;
    match (&under_way.collection, saved) {
        (_, Err(error)) => {
            complain_of(&error.all().map(Problem::from).collect::<Vec<_>>());
            complain(&format_args!("interrupted ({name})."));
        }
        (Some((path, counts)), Ok(())) => {
            let read = match counts.instances() {
                (_, 0) => "No log was read yet.".to_owned(),
                (done, all) => {
                    let (all, bytes, path) = (plural(all, "instance"), bytes(counts.bytes()), path.display());
                    format!("{done} of {all} and {bytes} of logs were read. The evidence so far is kept in {path}.")
                }
            };
            complain(&format_args!(
                "interrupted ({name}). {read} Run the same command again: it continues from there."
            ));
        }
        (None, Ok(())) => complain(&format_args!("interrupted ({name}). No report was written.")),
    }
    std::process::exit(status.into())
}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{SignalKind, signal};

    use super::Signal;
    use crate::cli::exit;

    const INTERRUPT: Signal = Signal { name: "SIGINT", status: exit::INTERRUPTED };
    const TERMINATE: Signal = Signal { name: "SIGTERM", status: exit::TERMINATED };
    const HANG_UP: Signal = Signal { name: "SIGHUP", status: exit::HUNG_UP };

    /// The next signal.
    pub async fn next() -> Option<Signal> {
        tokio::select! {
            () = received(SignalKind::interrupt()) => Some(INTERRUPT),
            () = received(SignalKind::terminate()) => Some(TERMINATE),
            () = received(SignalKind::hangup()) => Some(HANG_UP),
        }
    }

    /// Waits for a signal; forever for one that is ignored or cannot be watched.
    async fn received(kind: SignalKind) {
        // A job in the background of a script is not to be stopped by Ctrl-C, nor one of nohup by the end of a terminal.
        if !is_ignored(kind)
            && let Ok(mut signals) = signal(kind)
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }

    /// Whether this process was started so that it ignores a signal. Known on Linux alone.
    ///
    /// Source: `proc_pid_status(5)`.
    fn is_ignored(kind: SignalKind) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        mask >> (kind.as_raw_value() - 1) & 1 == 1
    }
}

#[cfg(not(unix))]
mod signals {
    use super::Signal;

    pub async fn next() -> Option<Signal> {
        tokio::signal::ctrl_c().await.ok().map(|()| Signal { name: "Ctrl-C", status: crate::cli::exit::INTERRUPTED })
    }
}
