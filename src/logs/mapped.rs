//! A file on disk, seen through windows of memory: nothing is copied out of the page cache.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};

use memmap2::{Mmap, MmapOptions};

/// A file that several threads see at any place.
///
/// It is seen up to the length that it had when it was opened: engines append to their logs.
pub struct Mapped {
    file: File,
    length: u64,
}

/// A range of a file, or what there is of it. It takes address space for as long as it lives, and memory that the system
/// may take back at any time.
pub struct Window(Option<Mmap>);

impl Deref for Window {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Mapped {
    /// The file, if it is one that can be mapped: some file systems have none.
    ///
    /// # Errors
    ///
    /// When its length cannot be had.
    pub fn new(file: &File) -> io::Result<Option<Self>> {
        let mapped = Self { file: file.try_clone()?, length: file.metadata()?.len() };
        Ok(mapped.view(0..mapped.length.min(1)).is_ok().then_some(mapped))
    }

    /// The file's length when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of a range; fewer where the file has become shorter.
    ///
    /// # Errors
    ///
    /// When the range cannot be mapped.
    pub fn view(&self, range: Range<u64>) -> io::Result<Window> {
        let end = range.end.min(self.file.metadata()?.len());
        let length = end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Window(None));
        }
        let mut options = MmapOptions::new();
        options.offset(range.start).len(usize::try_from(length).map_err(io::Error::other)?);
        // SAFETY: the window is read only and its file is not written here. Another process may write it meanwhile. What
        // it appends lies behind the window. What it changes in place is read as it was before or is after, byte by byte:
        // the text is never taken for UTF-8 without a test, and no length or place is kept of it but within bounds that
        // are checked. What it cuts off while the window is being read ends this process (SIGBUS), loudly; that is why
        // the length is asked for anew for each window.
        #[allow(unsafe_code, reason = "a map is what makes a search as fast as a machine allows")]
        let map = unsafe { options.map(&self.file) }?;
        Ok(Window(Some(map)))
    }
}
