//! The way to AWS: credentials, endpoints, retries, and what their failures mean. Knows nothing of logs or engines.

mod failure;
mod guard;

pub use failure::failure;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::error::{Error, ErrorKind, Result};

/// Longest silence of an endpoint.
const SILENCE: Duration = Duration::from_secs(60);

/// How often a call to CloudWatch Logs is made before it is given up. Some regions allow five calls a second, to all who ask.
const LOGS_ATTEMPTS: u32 = 5;

/// One account and region, reached.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The RDS API, which serves Aurora, `DocumentDB` and Neptune too.
    pub rds: aws_sdk_rds::Client,
    /// The API of CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// The API of CloudWatch's metrics.
    pub metrics: aws_sdk_cloudwatch::Client,
    /// What the clients are made of, for calls that no client knows.
    pub config: SdkConfig,
    /// The region that is asked.
    pub region: String,
}

/// Sets up the clients for a profile and a region, or for those that the environment and the configuration files name.
/// `AWS_ENDPOINT_URL` and its forms for one service, as `AWS_ENDPOINT_URL_RDS`, are honoured. Nothing is called yet.
///
/// # Errors
///
/// When no region is known.
pub async fn connect(profile: Option<&str>, region: Option<&str>) -> Result<Aws> {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).read_timeout(SILENCE).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(Error::new(ErrorKind::Usage, "region", "no AWS region is set")
            .hint("name one with --region or in AWS_REGION"));
    };
    let rds = aws_sdk_rds::config::Builder::from(&config)
        .interceptor(guard::WholeAnswers(guard::whole_xml))
        .retry_classifier(guard::RetryCutAnswers)
        .build();
    let logs = aws_sdk_cloudwatchlogs::config::Builder::from(&config)
        .interceptor(guard::WholeAnswers(guard::whole_json))
        .retry_classifier(guard::RetryCutAnswers)
        .retry_config(RetryConfig::standard().with_max_attempts(LOGS_ATTEMPTS))
        .build();
    Ok(Aws {
        rds: aws_sdk_rds::Client::from_conf(rds),
        logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs),
        metrics: aws_sdk_cloudwatch::Client::new(&config),
        config,
        region,
    })
}
