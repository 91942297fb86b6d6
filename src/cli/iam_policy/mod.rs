//! `ssl-usage iam-policy`: prints the required IAM permissions.

mod bucket;
mod permissions;
mod template;

use clap::Args;
use serde::Serialize;

use super::exit;
use super::fleet::Places;
use super::heading::{EVIDENCE, OUTPUT};
use super::output::{Output, one_of};
use crate::error::Result;
use crate::report::{Format, Reader};
use bucket::Folder;
use permissions::{Features, Statement, of_caller, of_reader};

/// Print the required IAM permissions.
///
/// Without role options, prints the policy for the user or role that reads the fleet. With --role-arn or --role-name,
/// prints the policy for the caller, which must assume these roles. For its own account, the caller needs both. All actions
/// are read-only, except for --bundle.
///
/// --format cloudformation and terraform create the role that reads the fleet, or the policy of the caller.
///
/// Statements whose Sid begins with Optional can be left out: no verdict changes. OptionalBundleKey and
/// OptionalLogArchiveKey are required if a KMS key of your own encrypts the bucket.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage iam-policy --all-regions > policy.json
  ssl-usage iam-policy --probe > policy-with-probe.json
  ssl-usage iam-policy --organization --role-name auditor > caller-policy.json
  ssl-usage iam-policy --all-regions --format cloudformation -o role.yaml
  ssl-usage iam-policy --all-regions --format terraform -o role.tf
  ssl-usage iam-policy --organization --role-name ssl-usage \\
    --bundle s3://bucket/evidence --format terraform -o caller.tf")]
pub(super) struct IamPolicy {
    #[command(flatten)]
    places: Places,
    /// Include the permissions for `probe --sessions`: IAM logins, secrets and the RDS Data API. Keep the one that you use, for one database user.
    #[arg(long, help_heading = EVIDENCE)]
    probe: bool,
    /// Include the permissions for --insights.
    #[arg(long, help_heading = EVIDENCE)]
    insights: bool,
    /// Include the permissions to write and read an evidence bundle in S3, for example s3://bucket/prefix.
    #[arg(long, value_name = "S3_URL", help_heading = EVIDENCE)]
    bundle: Option<Folder>,
    /// Include the permissions to read copied logs in S3 (`collect --logs`).
    #[arg(long, value_name = "S3_URL", help_heading = EVIDENCE)]
    logs: Option<Folder>,
    /// Format of the policy.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "json")]
    format: &'static Format<Policy>,
    #[command(flatten)]
    output: Output,
}

const FORMATS: &[Format<Policy>] = &[
    Format::json("The policy document"),
    Format {
        name: "cloudformation",
        help: "A template in YAML, also for a StackSet",
        reader: Reader::Document,
        writer: |policy, _, out| template::cloudformation(policy, out),
    },
    Format {
        name: "terraform",
        help: "Resources and variables for a Terraform or OpenTofu module",
        reader: Reader::Document,
        writer: |policy, _, out| template::terraform(policy, out),
    },
];

/// A policy document. Its fields are in the order of its JSON.
#[derive(Debug, Serialize)]
struct Policy {
    #[serde(rename = "Statement")]
    statements: Vec<Statement>,
    #[serde(rename = "Version")]
    version: &'static str,
    #[serde(skip)]
    holder: Holder,
}

/// What has a policy.
#[derive(Clone, Copy, Debug)]
enum Holder {
    /// The user or role that reads the fleet.
    Reader,
    /// The user or role that assumes such roles.
    Caller,
}

impl IamPolicy {
    pub fn run(self) -> Result<u8> {
        self.output.print(self.format, &self.policy(), Vec::new())?;
        Ok(exit::DONE)
    }

    fn policy(&self) -> Policy {
        let places = &self.places;
        let is_reader = places.role_arn.is_empty() && places.role_name.is_none();
        let (holder, mut statements) = if is_reader {
            let (insights, probe, all_regions) = (self.insights, self.probe, places.all_regions);
            (Holder::Reader, of_reader(Features { insights, probe, all_regions }))
        } else {
            (Holder::Caller, of_caller(self.roles(), places.organization))
        };
        statements.extend(self.bundle.iter().flat_map(Folder::of_bundle));
        statements.extend(self.logs.iter().flat_map(Folder::of_logs));
        Policy { statements, version: "2012-10-17", holder }
    }

    /// The ARNs of the roles that the caller assumes.
    fn roles(&self) -> Vec<String> {
        let places = &self.places;
        let accounts = match places.account.as_slice() {
            numbers if !places.organization && !numbers.is_empty() => numbers.to_vec(),
            _ => vec!["*".to_owned()],
        };
        let in_each = |name: &String| {
            accounts.iter().map(|account| format!("arn:*:iam::{account}:role/{name}")).collect::<Vec<_>>()
        };
        let named = places.role_name.iter().flat_map(in_each);
        places.role_arn.iter().cloned().chain(named).collect()
    }
}
