//! Files with passwords.

use std::path::Path;

/// Most bytes of such a file.
const MOST_BYTES: u64 = 1 << 20;

/// The text of a file that no other user may read.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("could not be read: {}", crate::text::reason(&error));
    let about = path.metadata().map_err(unreadable)?;
    if !about.is_file() || about.len() > MOST_BYTES {
        return Err("is not a text file of at most 1 MiB".to_owned());
    }
    if is_open_to_others(&about) {
        return Err("other users may read it. Run `chmod 600` on it.".to_owned());
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

#[cfg(unix)]
fn is_open_to_others(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
