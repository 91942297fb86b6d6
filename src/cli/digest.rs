//! `ssl-usage digest`: verifies a bundle and prints the digest of its evidence.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::heading::OUTPUT;
use super::output::{Output, local_or_s3, one_of};
use super::progress::Bar;
use super::{complain, complain_of, exit, working_copies};
use crate::bundle::{InstanceEvidence, Scope, load};
use crate::error::Result;
use crate::problem::{Problem, distinct};
use crate::progress::Progress;
use crate::report::{Evidence, Format, Reader};
use crate::usage::side_by_side;

/// Verify every file of a bundle and print the SHA-256 of its evidence.
///
/// The same evidence has the same digest, however the bundle was split, merged or compacted. Every report shows it. Several
/// bundles count as one. A bundle with a damaged or missing file has no digest.
///
/// Digests detect damage, not manipulation. Sign the output of this command and store the signature elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage digest evidence
  ssl-usage digest evidence > evidence.sha256
  gpg --armor --detach-sign evidence.sha256
  cosign sign-blob --bundle evidence.sigstore.json evidence.sha256
  # later:
  gpg --verify evidence.sha256.asc \\
    && ssl-usage digest evidence | diff evidence.sha256 -

Exit status: 0 success; 1 error; 2 invalid usage; 3 a file is damaged or missing.")]
pub(super) struct Digest {
    /// Bundles to verify.
    #[arg(required = true, value_name = "BUNDLE", value_parser = local_or_s3())]
    bundles: Vec<PathBuf>,
    /// Format of the digest.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "text")]
    format: &'static Format<Digests>,
    #[command(flatten)]
    output: Output,
}

const FORMATS: &[Format<Digests>] = &[
    Format {
        name: "text",
        help: "One line, as sha256sum prints it",
        reader: Reader::Lines,
        writer: |digests, _, out| match &digests.evidence.digest {
            Some(digest) => writeln!(out, "{}  {}", digest.trim_start_matches("sha256:"), digests.bundles.join(" ")),
            None => Ok(()),
        },
    },
    Format::json("For programs, with the digest of each instance"),
];

/// `ssl-usage/digest/v1`. The types are the JSON; fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Digests {
    schema: &'static str,
    bundles: Vec<String>,
    #[serde(flatten)]
    evidence: Evidence,
    instances: Vec<Of>,
    errors: Vec<Problem>,
}

/// The evidence of one instance.
#[derive(Debug, Serialize)]
struct Of {
    arn: String,
    #[serde(flatten)]
    evidence: Evidence,
}

impl Digest {
    pub fn run(self) -> Result<u8> {
        let loaded = load(&working_copies::all_local(&self.bundles)?, Scope::All)?;
        let bar = Bar::new("checking");
        bar.begin(loaded.instances.len());
        let read = side_by_side(&loaded.instances, |known| {
            let read = of(known);
            bar.done(&known.profile.instance);
            read
        });
        // What AWS refused is in the evidence, and no fault of the bundle.
        let is_whole = loaded.is_whole();
        let mut errors: Vec<Problem> = if is_whole { Vec::new() } else { loaded.errors };
        errors.extend(read.iter().filter_map(|(_, error)| error.clone()));
        distinct(&mut errors);
        let instances: Vec<Of> = read.into_iter().map(|(of, _)| of).collect();
        let evidence = Evidence::of_all(is_whole, instances.iter().map(|of| (of.arn.as_str(), &of.evidence)));
        if !evidence.verified && evidence.digest.is_some() {
            complain(&"some files have no digest and cannot be verified; collect into a new bundle");
        }
        complain_of(&errors);
        let bundles = self.bundles.iter().map(|path| path.display().to_string()).collect();
        let digests = Digests { schema: "ssl-usage/digest/v1", bundles, evidence, instances, errors };
        self.output.print(self.format, &digests, Vec::new())?;
        Ok(if digests.evidence.digest.is_some() { exit::DONE } else { exit::PARTIAL })
    }
}

/// The digest of an instance's evidence, or what is wrong with it.
fn of(known: &InstanceEvidence) -> (Of, Option<Problem>) {
    let profile = &known.profile;
    let read = known.logs().and_then(|logs| {
        let facts = logs.facts()?;
        Ok(Evidence::new(Some(known.digest(&logs, facts.as_ref(), &known.measured()?)), logs.is_verified))
    });
    let (evidence, error) = match read {
        Ok(evidence) => (evidence, None),
        Err(error) => {
            (Evidence::new(None, false), Some(Problem::from(&error).at(Some(&profile.account), &profile.region)))
        }
    };
    (Of { arn: profile.arn.clone(), evidence }, error)
}
