//! The statements of policies, and the actions of each.

use std::collections::BTreeMap;

use serde::Serialize;

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

/// A condition: the value of each key must match one of the patterns.
#[derive(Debug, Serialize)]
pub(super) struct StringLike {
    #[serde(rename = "StringLike")]
    pub patterns: BTreeMap<&'static str, Vec<String>>,
}

/// What one statement of a policy allows. Its fields are in the order of its JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    #[serde(rename = "Action")]
    pub actions: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<StringLike>,
    effect: &'static str,
    #[serde(rename = "Resource")]
    pub resources: Vec<String>,
    pub sid: &'static str,
}

impl Statement {
    pub fn allow(sid: &'static str, actions: &'static [&'static str], resources: Vec<String>) -> Self {
        Self { actions, condition: None, effect: "Allow", resources, sid }
    }

    /// The same where a key has one of these values.
    pub fn only_where(self, key: &'static str, patterns: Vec<String>) -> Self {
        Self { condition: Some(StringLike { patterns: BTreeMap::from([(key, patterns)]) }), ..self }
    }

    pub fn everywhere(sid: &'static str, actions: &'static [&'static str]) -> Self {
        Self::allow(sid, actions, vec!["*".to_owned()])
    }
}

/// Which statements of the reader's policy are optional features.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    pub insights: bool,
    pub probe: bool,
    pub all_regions: bool,
}

/// What the user or role may do that reads the fleet.
pub(super) fn of_reader(features: Features) -> Vec<Statement> {
    let mut statements = vec![
        Statement::everywhere("Inventory", INVENTORY),
        Statement::everywhere("LogFiles", LOG_FILES),
        Statement::everywhere("LogGroups", LOG_GROUPS),
    ];
    if features.insights {
        statements.push(Statement::everywhere("LogQueries", LOG_QUERIES));
    }
    statements.push(Statement::everywhere("Metrics", METRICS));
    statements.push(Statement::everywhere("OptionalAddressOwners", OWNERS));
    if features.probe {
        let on = |arn: &str| vec![arn.to_owned()];
        statements.push(Statement::allow("ProbeTokens", TOKENS, on("arn:*:rds-db:*:*:dbuser:*/*")));
        statements.push(Statement::allow("ProbeSecrets", SECRETS, on("arn:*:secretsmanager:*:*:secret:rds!*")));
        statements.push(Statement::allow("ProbeDataApi", DATA_API, on("arn:*:rds:*:*:cluster:*")));
    }
    if features.all_regions {
        statements.push(Statement::everywhere("Regions", REGIONS));
    }
    statements
}

/// What the caller may do that assumes these roles.
pub(super) fn of_caller(roles: Vec<String>, organization: bool) -> Vec<Statement> {
    let mut statements = vec![Statement::allow("Roles", &["sts:AssumeRole"], roles)];
    if organization {
        statements.push(Statement::everywhere("Accounts", &["organizations:ListAccounts"]));
    }
    statements
}
