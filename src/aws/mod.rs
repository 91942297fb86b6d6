//! Access to AWS: credentials, accounts, regions, endpoints, rate limits, retries and errors. It knows no logs and no
//! engines.

mod account;
mod answer;
mod call;
mod connection;
mod credential_chain;
mod credential_failure;
mod credentials;
mod data_api;
mod database_login;
mod ec2;
mod endpoint;
mod failure;
mod fallback;
mod integrity;
mod limiter;
mod list;
mod network;
mod profile;
mod proxy;
mod quota;
mod rate_limit;
mod region;
pub mod s3;
mod trust;

pub use account::{Account, Accounts};
pub use answer::{Broken, Overrun, PacedBody};
pub use data_api::Transaction;
pub use ec2::Ec2;
pub use failure::{failure, is_unavailable};
pub use fallback::Route;
pub use list::{List, hash, list, no_list, no_name, pages, repeated};
pub use region::Regions;

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use credentials::RetryWithNewCredentials;
use rate_limit::{NoMoreAfterThrottling, Pace};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence of an endpoint.
const SILENCE: Duration = Duration::from_secs(60);
/// What to do about an endpoint that violates its API.
pub const CHECK_ENDPOINT: &str = "check AWS_ENDPOINT_URL and the proxy, and run the command again";
/// How often a call is made that fails in a way that may pass. Throttling does not count: see [`rate_limit`].
const ATTEMPTS: u32 = 4;

/// One account and region, reached.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The RDS API, which serves Aurora, `DocumentDB` and Neptune too.
    pub rds: aws_sdk_rds::Client,
    /// The API of CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// The API of CloudWatch's metrics.
    pub metrics: aws_sdk_cloudwatch::Client,
    /// The EC2 API.
    pub ec2: Ec2,
    /// What the clients are made of, for calls that no client knows.
    pub config: SdkConfig,
    /// The region that is asked.
    pub region: String,
    /// The account, where it is known.
    pub account: Option<String>,
    /// ARN of the identity that asks, where it is known.
    pub caller: Option<String>,
    /// What is known of the ways to a whole log file.
    pub log_route: Arc<Route>,
}

/// What all clients have in common, for a profile or for what the environment names.
fn loader(profile: Option<&str>, http: SharedHttpClient) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        // [`answer`] measures the pace, and takes a sender of one byte every two seconds for stalled, too.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // See [`credential_chain`].
        .no_credentials();
    match profile {
        Some(profile) => loader.profile_name(profile),
        None => loader,
    }
}

impl Aws {
    /// The clients of an account in a region. Nothing is called yet. `AWS_ENDPOINT_URL` and its forms for one service, as
    /// `AWS_ENDPOINT_URL_RDS`, are honoured. `most` is the highest rate of any action, in calls a second.
    fn new(account: &Account, region: &str, most: Option<f64>) -> Self {
        let pace = Pace::new(region, most, &account.progress);
        let mut config = account.config.to_builder().region(Region::new(region.to_owned()));
        config.set_http_client(account.config.http_client().map(|http| pace.client(http)));
        let config = config.build();
        // Instances by the hundred fail together on a bad day: no shared budget keeps some of them from trying again.
        let partition = || RetryPartition::custom("ssl-usage").token_bucket(TokenBucket::unlimited()).build();
        let renew = || RetryWithNewCredentials(account.credentials.clone());
        let rds = aws_sdk_rds::config::Builder::from(&config)
            .interceptor(integrity::WholeAnswers(integrity::whole_xml))
            .retry_classifier(integrity::RetryCutAnswers)
            .retry_classifier(renew())
            .retry_classifier(NoMoreAfterThrottling)
            .retry_partition(partition());
        let logs = aws_sdk_cloudwatchlogs::config::Builder::from(&config)
            .interceptor(integrity::WholeAnswers(integrity::whole_json))
            .retry_classifier(integrity::RetryCutAnswers)
            .retry_classifier(renew())
            .retry_classifier(NoMoreAfterThrottling)
            .retry_partition(partition());
        let metrics = aws_sdk_cloudwatch::config::Builder::from(&config)
            .retry_classifier(integrity::RetryUnreadableAnswers)
            .retry_classifier(renew())
            .retry_classifier(NoMoreAfterThrottling)
            .retry_partition(partition());
        Self {
            ec2: Ec2::new(&config, rds.clone()),
            rds: aws_sdk_rds::Client::from_conf(rds.build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            metrics: aws_sdk_cloudwatch::Client::from_conf(metrics.build()),
            config,
            region: region.to_owned(),
            account: account.number.clone(),
            caller: account.caller.clone(),
            log_route: Arc::default(),
        }
    }
}
