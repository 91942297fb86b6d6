//! `ssl-usage iam-policy`: prints the required IAM permissions.

use clap::Args;
use serde_json::{Value, json};

use super::exit;
use super::fleet::Places;
use super::heading::EVIDENCE;
use super::output::Output;
use crate::error::Result;

/// Actions that read the inventory. The report names denied ones; no verdict becomes milder without them.
const INVENTORY: &[&str] = &[
    "rds:DescribeCertificates",
    "rds:DescribeDBClusterParameters",
    "rds:DescribeDBClusters",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeDBInstances",
    "rds:DescribeDBParameters",
    "rds:DescribeDBProxies",
    "rds:DescribeDBProxyTargets",
    "rds:DescribeEvents",
    "rds:DescribeGlobalClusters",
    "rds:DescribeOptionGroups",
    "rds:DescribePendingMaintenanceActions",
];
/// Actions that read RDS log files. Without the complete download, logs are read in portions.
const LOG_FILES: &[&str] = &["rds:DescribeDBLogFiles", "rds:DownloadCompleteDBLogFile", "rds:DownloadDBLogFilePortion"];
/// Actions of CloudWatch Logs.
const LOG_GROUPS: &[&str] =
    &["logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"];
/// Actions of Logs Insights, for log groups of the Infrequent Access class.
const LOG_QUERIES: &[&str] = &["logs:StartQuery", "logs:GetQueryResults", "logs:StopQuery"];
/// Actions of CloudWatch's metrics.
const METRICS: &[&str] = &["cloudwatch:GetMetricData"];
/// Actions that show who has the address of a client. Without them, `clients` shows no owners; nothing else changes.
const OWNERS: &[&str] = &["ec2:DescribeNetworkInterfaces"];
/// Actions of `--all-regions`; the second is the fallback for the first.
const REGIONS: &[&str] = &["account:ListRegions", "rds:DescribeSourceRegions"];

/// The action of `probe --login iam`. A policy may name the database user instead of `*`.
///
/// Source: "Creating and using an IAM policy for IAM database access" in the RDS user guide.
const TOKENS: &[&str] = &["rds-db:connect"];
/// The action of `probe --login secret` and `data-api`, on the secrets that RDS keeps. A key of the user's own needs `kms:Decrypt` too.
const SECRETS: &[&str] = &["secretsmanager:GetSecretValue"];

/// The actions of `probe --login data-api`.
///
/// Source: "Authorizing access to the Amazon RDS Data API" in the Aurora user guide.
const DATA_API: &[&str] = &["rds-data:BeginTransaction", "rds-data:ExecuteStatement", "rds-data:RollbackTransaction"];

/// Print the required IAM permissions.
///
/// Without role options, prints the policy for the user or role that reads the fleet. With --role-arn or --role-name,
/// prints the policy for the caller, which must assume these roles. All actions are read-only.
///
/// Statements whose Sid begins with Optional can be left out: no verdict changes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage iam-policy --all-regions > policy.json
  ssl-usage iam-policy --probe > policy-with-probe.json
  ssl-usage iam-policy --organization --role-name auditor > caller-policy.json")]
pub(super) struct IamPolicy {
    #[command(flatten)]
    places: Places,
    /// Include the permissions for `probe --sessions`: IAM logins, secrets and the RDS Data API. Keep the one that you use, for one database user.
    #[arg(long, help_heading = EVIDENCE)]
    probe: bool,
    /// Include the permissions for --insights.
    #[arg(long, help_heading = EVIDENCE)]
    insights: bool,
}

impl IamPolicy {
    pub fn run(self) -> Result<u8> {
        Output::default().write(|_, out| writeln!(out, "{:#}", self.policy()))?;
        Ok(exit::DONE)
    }

    fn policy(&self) -> Value {
        let allow = |id: &str, actions: &[&str], resources: Vec<String>| json!({"Sid": id, "Effect": "Allow", "Action": actions, "Resource": resources});
        let all = || vec!["*".to_owned()];
        let mut statements = Vec::new();
        let places = &self.places;
        if places.role_arn.is_empty() && places.role_name.is_none() {
            statements.push(allow("Inventory", INVENTORY, all()));
            statements.push(allow("LogFiles", LOG_FILES, all()));
            statements.push(allow("LogGroups", LOG_GROUPS, all()));
            if self.insights {
                statements.push(allow("LogQueries", LOG_QUERIES, all()));
            }
            statements.push(allow("Metrics", METRICS, all()));
            statements.push(allow("OptionalAddressOwners", OWNERS, all()));
            if self.probe {
                statements.push(allow("ProbeTokens", TOKENS, vec!["arn:*:rds-db:*:*:dbuser:*/*".to_owned()]));
                let secrets = vec!["arn:*:secretsmanager:*:*:secret:rds!*".to_owned()];
                statements.push(allow("ProbeSecrets", SECRETS, secrets));
                let clusters = vec!["arn:*:rds:*:*:cluster:*".to_owned()];
                statements.push(allow("ProbeDataApi", DATA_API, clusters));
            }
            if places.all_regions {
                statements.push(allow("Regions", REGIONS, all()));
            }
        } else {
            let accounts = match places.account.as_slice() {
                numbers if !places.organization && !numbers.is_empty() => numbers.to_vec(),
                _ => vec!["*".to_owned()],
            };
            let in_each = |name: &String| {
                accounts.iter().map(|account| format!("arn:*:iam::{account}:role/{name}")).collect::<Vec<_>>()
            };
            let named = places.role_name.iter().flat_map(in_each);
            statements.push(allow(
                "Roles",
                &["sts:AssumeRole"],
                places.role_arn.iter().cloned().chain(named).collect(),
            ));
            if places.organization {
                statements.push(allow("Accounts", &["organizations:ListAccounts"], all()));
            }
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}
