//! Scans many files, several at the same time: a compressed file keeps only one thread busy.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::{Context, Row, scan};
use crate::logs::decompress::Packing;

/// Bytes of a plain file that are worth a thread.
const WORTH_A_THREAD: u64 = 16 * 1024 * 1024;
/// Files, for each thread, that may be read before those in front of them are.
const AHEAD: usize = 4;

/// Scans the logs at `paths`, on all threads together. Passes on the rows of each, with its position, in the order of
/// the paths.
pub fn scan_all(paths: &[PathBuf], context: Context<'_>, mut each: impl FnMut(usize, Vec<Row>)) {
    let threads = context.threads;
    // Standard input and pipes are read in their order: the first who reads one empties it.
    if threads == 1 || paths.len() == 1 || !paths.iter().all(|path| path.is_file()) {
        return paths.iter().enumerate().for_each(|(index, path)| each(index, scan(path, context)));
    }
    let queue = Queue::new(threads);
    thread::scope(|scope| {
        let (sender, rows) = mpsc::channel();
        for _ in 0..threads.min(paths.len()) {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                while let Some((index, path)) = queue.next(paths) {
                    let share = queue.take(share(path, threads, paths.len()));
                    // The receiver is there until all senders are gone.
                    let _ = sender.send((index, scan(path, Context { threads: share.threads, ..context })));
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut shown = 0;
        for (index, rows) in rows {
            early.insert(index, rows);
            while let Some(rows) = early.remove(&shown) {
                each(shown, rows);
                shown += 1;
            }
            queue.show(shown);
        }
    });
}

/// How many threads a file keeps busy. All of them if it may take much memory, and where nothing is known of it.
fn share(path: &Path, threads: usize, files: usize) -> usize {
    let Some(length) = path.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len()) else {
        return threads;
    };
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut head));
    match Packing::of(&head) {
        _ if read.is_err() => 1,
        Packing::Plain => usize::try_from(length.div_ceil(WORTH_A_THREAD)).unwrap_or(threads).clamp(1, threads),
        Packing::Gzip => (threads / files).max(1),
        // What these say of themselves decides how much memory they take.
        Packing::Zstd | Packing::Bzip2 => threads,
    }
}

/// Hands out files and threads.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    threads: usize,
}

struct State {
    /// The file that is next.
    next: usize,
    /// Files whose rows were passed on.
    shown: usize,
    /// Threads that no file keeps busy.
    free: usize,
    /// Whether a thread panicked: the others would wait for it.
    ended: bool,
}

impl Queue {
    fn new(threads: usize) -> Self {
        let state = State { next: 0, shown: 0, free: threads, ended: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), threads }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as this holds.
    fn wait(&self, waits: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.changed.wait_while(self.lock(), |state| !state.ended && waits(state));
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// The next file. Waits if too many rows are held.
    fn next<'p>(&self, paths: &'p [PathBuf]) -> Option<(usize, &'p Path)> {
        let mut state = self.wait(|state| state.next >= state.shown + AHEAD * self.threads);
        let index = state.next;
        state.next += 1;
        paths.get(index).map(|path| (index, path.as_path())).filter(|_| !state.ended)
    }

    /// Waits for so many threads.
    fn take(&self, threads: usize) -> Share<'_> {
        let mut state = self.wait(|state| state.free < threads);
        state.free = state.free.saturating_sub(threads);
        Share { queue: self, threads }
    }

    /// Notes how many files were passed on.
    fn show(&self, shown: usize) {
        self.lock().shown = shown;
        self.changed.notify_all();
    }
}

/// The threads of one file, which go back when it is read.
struct Share<'q> {
    queue: &'q Queue,
    threads: usize,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.free += self.threads;
        state.ended |= thread::panicking();
        drop(state);
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use ssl_usage_parsers::Hints;

    use super::*;
    use crate::scan::Outcome;

    #[test]
    fn rows_come_in_the_order_of_the_paths_whatever_takes_longest() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = "2026-11-21 05:30:00 UTC:10.0.0.9(5):app@orders:[7]:LOG:  connection authorized: user=app\n";
        let paths: Vec<PathBuf> = (0..60)
            .map(|number| {
                let path = folder.path().join(format!("{number}.log"));
                let text = line.repeat((number * 37) % 400);
                let packed = || {
                    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
                    gzip.write_all(text.as_bytes()).expect("packs");
                    gzip.finish().expect("packs")
                };
                let bytes = if number % 2 == 0 { packed() } else { text.clone().into_bytes() };
                if number % 11 != 7 {
                    std::fs::write(&path, bytes).expect("written");
                }
                path
            })
            .collect();
        let hints = Hints::default();
        let scanned = |threads| {
            let mut all = Vec::new();
            scan_all(&paths, Context { hints: &hints, threads, counts_lines: true }, |index, rows| {
                let is_read = |row: &Row| matches!(row.outcome, Outcome::Read(_));
                all.extend(rows.iter().map(|row| (index, row.name.clone(), is_read(row), row.tally.clone())));
            });
            all
        };
        let one = scanned(1);
        assert!(one.len() == 60 && one.iter().filter(|row| row.2).count() > 40);
        for threads in [2, 3, 16] {
            assert_eq!(scanned(threads), one, "{threads} threads");
        }
    }
}
