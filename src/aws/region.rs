//! The regions of a run.

use std::collections::BTreeSet;

use aws_sdk_account::types::RegionOptStatus;
use aws_sdk_rds::error::ProvideErrorMetadata;
use futures_util::StreamExt;

use super::{Account, integrity, list};
use crate::error::{Error, ErrorKind, Result};

/// Regions that are asked at the same time whether they know the account.
const AT_ONCE: usize = 8;

/// The regions of a run.
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

/// Whether a region was known when this was written.
pub(super) fn is_known(region: &str) -> bool {
    known().any(|name| name == region)
}

/// The region that was known when this was written and looks most like this one.
pub(super) fn nearest(region: &str) -> Option<&'static str> {
    crate::text::nearest(region, known())
}

fn known() -> impl Iterator<Item = &'static str> {
    PARTITIONS.iter().flat_map(|(.., regions)| regions.iter().copied())
}

/// The region in the name of an endpoint of AWS: `rds.eu-west-1.amazonaws.com:443`.
pub(super) fn in_host(host: &str) -> Option<&str> {
    let (of, _) = host.split_once(".amazonaws.com").or_else(|| host.split_once(".api.aws"))?;
    let is_region = |word: &&str| word.contains('-') && word.ends_with(|end: char| end.is_ascii_digit());
    of.split('.').skip(1).find(is_region)
}

impl Regions {
    /// The region whose partition has the account: the one that was asked for, where no other is set or that is of another
    /// partition.
    pub(super) fn home(&self, set: Option<&str>) -> Option<String> {
        let asked = match self {
            Self::Named(names) => names.first().map(String::as_str),
            Self::Own | Self::All => None,
        };
        let is_elsewhere = |asked: &&str| set.is_none_or(|set| partition(set) != partition(asked));
        asked.filter(is_elsewhere).or(set).map(str::to_owned)
    }

    /// The names of the regions of an account, and what could not be read to find them.
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
                    .hint("set --region or AWS_REGION, or use --all-regions")),
            },
            Self::All => Ok(all(account).await),
        }
    }
}

/// Codes with which a region refuses an account that it is not enabled for.
///
/// Source: "Common Errors" in the RDS API reference, and "Error codes" in the EC2 API reference.
const NOT_ENABLED: &[&str] = &["InvalidClientTokenId", "UnrecognizedClient", "AuthFailure", "OptInRequired"];

/// All regions that are enabled in an account: as the account says; else those that RDS names and those that were known when
/// this was written, but for the ones that do not know the account. That these are not enabled is only guessed, which is an
/// error; and so it is where RDS names none, for there may be more by now.
async fn all(account: &Account) -> (Vec<String>, Option<Error>) {
    let denied = match enabled(account).await {
        Ok(regions) if !regions.is_empty() => return (regions, None),
        Ok(_) => Error::new(ErrorKind::Service, "account", "account:ListRegions failed: AWS lists no enabled region")
            .hint("choose the regions with --region"),
        Err(error) => error,
    };
    let own = account.region.as_deref().unwrap_or("us-east-1");
    let served = served(account, own).await.unwrap_or_default();
    let doubt = served.is_empty();
    let mut regions: BTreeSet<String> = of(own).1.iter().copied().chain([own]).map(str::to_owned).collect();
    regions.extend(served);
    let refusals = regions.iter().map(|region| async move { (region.clone(), is_refused(account, region).await) });
    let asked: Vec<_> = futures_util::stream::iter(refusals).buffer_unordered(AT_ONCE).collect().await;
    let refused: BTreeSet<String> = asked.into_iter().filter(|(_, refused)| *refused).map(|(name, _)| name).collect();
    // Credentials that no region knows say nothing of regions.
    if refused.is_empty() || refused.contains(own) {
        return (regions.into_iter().collect(), doubt.then_some(denied));
    }
    let known = regions.difference(&refused).cloned().collect();
    let refused: Vec<String> = refused.into_iter().collect();
    let guess = Error::new(
        denied.kind(),
        denied.subject(),
        format!(
            "account:ListRegions failed, so regions that rejected the credentials count as not enabled ({})",
            refused.join(", ")
        ),
    );
    let guess = guess.hint("grant the permission account:ListRegions, or choose the regions with --region");
    (known, Some(guess.call("account:ListRegions", None).because(denied)))
}

/// Whether a region rejects the account. Other errors are reported when the region is read.
async fn is_refused(account: &Account, region: &str) -> bool {
    let call = account.in_region(region, None).rds.describe_db_instances().max_records(20).send().await;
    let code = call.as_ref().err().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    NOT_ENABLED.iter().any(|known| code.starts_with(known))
}

async fn enabled(account: &Account) -> Result<Vec<String>> {
    let own = account.region.as_deref().unwrap_or("us-east-1");
    let config = aws_sdk_account::config::Builder::from(&account.config)
        .region(aws_config::Region::new(own.to_owned()))
        .interceptor(integrity::WholeAnswers(integrity::whole_json))
        .retry_classifier(integrity::RetryCutAnswers);
    let client = aws_sdk_account::Client::from_conf(config.build());
    let call = client
        .list_regions()
        .region_opt_status_contains(RegionOptStatus::Enabled)
        .region_opt_status_contains(RegionOptStatus::EnabledByDefault)
        // What is being switched off may still hold instances.
        .region_opt_status_contains(RegionOptStatus::Disabling);
    let subject = account.number.as_deref().unwrap_or("account");
    let ask = |token| call.clone().set_next_token(token).send();
    let regions = list(subject, "account:ListRegions", ask, |page| (page.regions, page.next_token)).await?;
    Ok(regions.into_iter().filter_map(|region| region.region_name).collect())
}

async fn served(account: &Account, own: &str) -> Result<Vec<String>> {
    let aws = account.in_region(own, None);
    let ask = |marker| aws.rds.describe_source_regions().set_marker(marker).send();
    let regions = list(own, "rds:DescribeSourceRegions", ask, |page| (page.source_regions, page.marker)).await?;
    Ok(regions.into_iter().filter_map(|region| region.region_name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_an_endpoint_is_found() {
        let hosts =
            ["rds.eu-wst-1.amazonaws.com:443", "rds-fips.us-gov-west-1.amazonaws.com", "logs.cn-north-1.api.aws"];
        assert_eq!(hosts.map(in_host), [Some("eu-wst-1"), Some("us-gov-west-1"), Some("cn-north-1")]);
        assert_eq!(["127.0.0.1:4566", "sts.amazonaws.com"].map(in_host), [None, None]);
        assert_eq!((nearest("eu-wst-1"), nearest("xyz")), (Some("eu-west-1"), None));
    }

    #[test]
    fn the_partition_that_was_asked_for_is_home() {
        let named = |name: &str| Regions::Named(vec![name.to_owned()]);
        let home = |regions: &Regions, set| regions.home(set);
        assert_eq!(home(&named("us-gov-west-1"), None).as_deref(), Some("us-gov-west-1"));
        assert_eq!(home(&named("cn-north-1"), Some("us-east-1")).as_deref(), Some("cn-north-1"));
        assert_eq!(home(&named("eu-west-1"), Some("us-east-1")).as_deref(), Some("us-east-1"));
        assert_eq!(home(&Regions::All, None), None);
    }

    #[test]
    fn a_region_tells_its_partition() {
        let partitions = ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-east-1", ""].map(partition);
        assert_eq!(partitions, ["aws", "aws-cn", "aws-us-gov", "aws", "aws"]);
    }
}
