//! The policy file.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::verdict::{Policy, Source};

/// Reads the policy from a file, or returns the built-in policy if there is none.
pub(super) fn load(path: Option<&Path>) -> Result<Policy> {
    let Some(path) = path else { return Ok(Policy::default()) };
    let file = path.display().to_string();
    let wrong = |message: String, hint| Error::new(ErrorKind::Usage, file.clone(), message).hint(hint);
    let text = fs::read_to_string(path).map_err(|error| {
        wrong(Error::io(path, error).advice(), "samples/policy.toml is an example of a policy file")
    })?;
    let policy = Policy::parse(&text).map_err(|message| wrong(message, "correct the file and run it again"))?;
    let sha256 = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Policy { source: Some(Source { file, sha256 }), ..policy })
}
