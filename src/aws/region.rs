//! Which regions are asked.

use aws_sdk_account::types::RegionOptStatus;

use super::{Account, failure, guard};
use crate::error::{Error, ErrorKind, Result};

/// Which regions are meant.
#[derive(Clone, Debug)]
pub enum Regions {
    /// The one that the environment or the profile names.
    Own,
    /// These.
    Named(Vec<String>),
    /// All that are enabled in the account.
    All,
}

/// A partition: how its regions begin, its name, and the regions that RDS is in, for accounts that may not ask for them.
///
/// Source: "Regions, Availability Zones, and Local Zones" in the RDS user guide; "Amazon Resource Names" in the AWS General
/// Reference.
const PARTITIONS: &[(&str, &str, &[&str])] = &[
    ("cn-", "aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("us-gov-", "aws-us-gov", &["us-gov-east-1", "us-gov-west-1"]),
    (
        "",
        "aws",
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    ),
];

fn of(region: &str) -> (&'static str, &'static [&'static str]) {
    let found = PARTITIONS.iter().find(|(prefix, ..)| region.starts_with(prefix));
    found.map_or(("aws", &[]), |(_, name, regions)| (*name, *regions))
}

/// The partition that a region is in, as ARNs name it.
pub(super) fn partition(region: &str) -> &'static str {
    of(region).0
}

impl Regions {
    /// The names of the regions of an account, and what could not be asked to find them.
    ///
    /// # Errors
    ///
    /// When no region is known.
    pub async fn of(&self, account: &Account) -> Result<(Vec<String>, Option<Error>)> {
        match self {
            Self::Named(names) => Ok((names.clone(), None)),
            Self::Own => match &account.region {
                Some(region) => Ok((vec![region.clone()], None)),
                None => Err(Error::new(ErrorKind::Usage, "region", "no AWS region is set")
                    .hint("name one with --region or in AWS_REGION, or use --all-regions")),
            },
            Self::All => Ok(all(account).await),
        }
    }
}

/// All regions that are enabled in an account: as the account says; else as RDS says, which shows them all, enabled or not;
/// else as they were known when this was written, which is an error, for there may be more by now.
async fn all(account: &Account) -> (Vec<String>, Option<Error>) {
    let denied = match enabled(account).await {
        Ok(regions) if !regions.is_empty() => return (regions, None),
        Ok(_) => Error::new(ErrorKind::Service, "account", "account:ListRegions: AWS names no region that is enabled")
            .hint("name the regions with --region"),
        Err(error) => error,
    };
    let own = account.region.as_deref().unwrap_or("us-east-1");
    if let Ok(mut regions) = served(account, own).await
        && !regions.is_empty()
    {
        regions.push(own.to_owned());
        regions.sort_unstable();
        regions.dedup();
        return (regions, None);
    }
    (of(own).1.iter().map(|region| (*region).to_owned()).collect(), Some(denied))
}

async fn enabled(account: &Account) -> Result<Vec<String>> {
    let own = account.region.as_deref().unwrap_or("us-east-1");
    let config = aws_sdk_account::config::Builder::from(&account.config)
        .region(aws_config::Region::new(own.to_owned()))
        .interceptor(guard::WholeAnswers(guard::whole_json))
        .retry_classifier(guard::RetryCutAnswers);
    let client = aws_sdk_account::Client::from_conf(config.build());
    let call = client
        .list_regions()
        .region_opt_status_contains(RegionOptStatus::Enabled)
        .region_opt_status_contains(RegionOptStatus::EnabledByDefault)
        // What is being switched off may still hold instances.
        .region_opt_status_contains(RegionOptStatus::Disabling);
    let subject = account.number.as_deref().unwrap_or("account");
    let pages = call.into_paginator().items().send();
    let regions: Vec<_> =
        pages.collect::<Result<_, _>>().await.map_err(|error| failure(subject, "account:ListRegions", error))?;
    Ok(regions.iter().filter_map(|region| region.region_name()).map(str::to_owned).collect())
}

async fn served(account: &Account, own: &str) -> Result<Vec<String>> {
    let aws = account.in_region(own, None);
    let pages = aws.rds.describe_source_regions().into_paginator().items().send();
    let regions: Vec<_> =
        pages.collect::<Result<_, _>>().await.map_err(|error| failure(own, "rds:DescribeSourceRegions", error))?;
    Ok(regions.iter().filter_map(|region| region.region_name()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::partition;

    #[test]
    fn a_region_tells_its_partition() {
        let partitions = ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-east-1", ""].map(partition);
        assert_eq!(partitions, ["aws", "aws-cn", "aws-us-gov", "aws", "aws"]);
    }
}
