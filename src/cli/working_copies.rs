//! Bundles in S3: their copies on this machine, which last as long as the command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::complain;
use super::progress::{Bar, Wait};
use crate::aws::s3::{Bucket, S3Url};
use crate::bundle::WorkingCopy;
use crate::error::{Error, ErrorKind, Result};
use crate::logs::folder::LogFolder;
use crate::progress::Progress;

/// By URL.
static COPIES: Mutex<BTreeMap<String, Arc<WorkingCopy>>> = Mutex::new(BTreeMap::new());

fn copies() -> MutexGuard<'static, BTreeMap<String, Arc<WorkingCopy>>> {
    COPIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// With what credentials S3 is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a> {
    /// Profile; what the environment names if none is given.
    pub profile: Option<&'a str>,
    /// How long credentials are waited for.
    pub patience: Duration,
}

impl Access<'_> {
    /// What the environment names.
    pub const ENVIRONMENT: Self = Access { profile: None, patience: Duration::from_secs(180) };
}

/// The URL that a path is; none for one on this machine.
pub(super) fn url_of(path: &Path) -> Result<Option<S3Url>> {
    if !S3Url::is_s3(path) {
        return Ok(None);
    }
    let text = path.to_string_lossy();
    text.parse().map(Some).map_err(|message: String| Error::new(ErrorKind::Usage, text, message))
}

/// A bucket, with which calls are listed as those of a collection.
pub(super) fn bucket(name: &str, access: Access<'_>) -> Result<Bucket> {
    let progress: Arc<dyn Progress> = Arc::new(Bar::hidden());
    Bucket::find(name, access.profile, access.patience, &progress)
}

/// Where the files of a bundle are on this machine: a bundle in S3 is copied.
///
/// # Errors
///
/// When it cannot be copied.
pub(super) fn local(path: &Path, access: Access<'_>) -> Result<PathBuf> {
    let Some(url) = url_of(path)? else { return Ok(path.to_owned()) };
    if let Some(copy) = copies().get(&url.to_string()) {
        return Ok(copy.path().to_owned());
    }
    let _wait = Wait::new(format!("copying {url}"), false);
    let copy = WorkingCopy::of(bucket(&url.bucket, access)?, url.clone())?;
    let path = copy.path().to_owned();
    copies().insert(url.to_string(), Arc::new(copy));
    Ok(path)
}

/// A folder of logs, on this machine or in S3.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn log_folder(path: &Path) -> Result<LogFolder> {
    match url_of(path)? {
        Some(url) => LogFolder::in_s3(bucket(&url.bucket, Access::ENVIRONMENT)?, &url),
        None => LogFolder::open(path),
    }
}

/// The same for several bundles.
///
/// # Errors
///
/// As [`local`].
pub(super) fn all_local(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    paths.iter().map(|path| local(path, Access::ENVIRONMENT)).collect()
}

/// The same for a bundle that is extended: what is new goes to S3 during the run.
///
/// # Errors
///
/// As [`local`].
pub(super) fn extended(path: &Path, access: Access<'_>) -> Result<PathBuf> {
    let found = local(path, access)?;
    with(path, WorkingCopy::begin)?;
    Ok(found)
}

/// Has all that is new go to S3. Says whether what was merged could be removed there, too.
///
/// # Errors
///
/// When it cannot be saved.
pub(super) fn publish(path: &Path) -> Result<bool> {
    let left = with(path, WorkingCopy::publish)?.unwrap_or(Ok(None))?;
    left.iter().for_each(|error| complain(error));
    Ok(left.is_none())
}

fn with<T>(path: &Path, act: impl FnOnce(&WorkingCopy) -> T) -> Result<Option<T>> {
    let Some(url) = url_of(path)? else { return Ok(None) };
    // A signal may want the copies meanwhile.
    let copy = copies().get(&url.to_string()).map(Arc::clone);
    Ok(copy.map(|copy| act(&copy)))
}

/// Has what is new go to S3 before a signal ends the command.
///
/// # Errors
///
/// When it cannot be saved. It stays on this machine.
pub(super) fn save() -> Result<()> {
    let copies: Vec<Arc<WorkingCopy>> = copies().values().map(Arc::clone).collect();
    let extended = copies.iter().filter(|copy| copy.is_extended());
    let saved: Vec<Result<_>> = extended.map(|copy| copy.publish()).collect();
    saved.into_iter().collect::<Result<Vec<_>>>()?;
    copies.iter().for_each(|copy| copy.remove());
    Ok(())
}

/// Removes the copies from this machine.
pub(super) fn remove_all() {
    std::mem::take(&mut *copies()).values().for_each(|copy| copy.remove());
}
