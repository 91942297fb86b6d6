//! Endpoints that the environment or a profile sets instead of those of AWS.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use http::Uri;

use super::proxy::is_local;
use crate::error::{Error, ErrorKind, Result};

/// The services that are called, by the names that `AWS_ENDPOINT_URL_<SERVICE>` is made of.
///
/// Source: "Service-specific endpoints" in the AWS SDKs and Tools reference guide.
const SERVICES: [&str; 10] =
    ["RDS", "CloudWatch Logs", "CloudWatch", "EC2", "S3", "STS", "Account", "Organizations", "SSO", "SSO OIDC"];

/// The endpoint that is set for a service, or for all.
pub(super) fn of(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// Checks the endpoints that are set. The SDK panics at an empty one.
///
/// # Errors
///
/// When one is no address.
pub(super) fn check(config: &SdkConfig) -> Result<()> {
    let is_address = |address: &str| {
        address.parse::<Uri>().is_ok_and(|address| address.scheme().is_some() && address.host().is_some())
    };
    let wrong = |service: &&&str| of(config, service).is_some_and(|address| !is_address(&address));
    match SERVICES.iter().find(wrong) {
        None => Ok(()),
        Some(service) => {
            let message = format!("the address that is set for {service} is not an http:// or https:// address");
            let hint = "correct or unset AWS_ENDPOINT_URL, its forms for one service, and endpoint_url of the profile";
            Err(Error::new(ErrorKind::Usage, "AWS_ENDPOINT_URL", message).hint(hint))
        }
    }
}

/// A warning for each endpoint to which calls go unencrypted over a network.
pub(super) fn unencrypted(config: &SdkConfig) -> Vec<Error> {
    unencrypted_of(config, &SERVICES)
}

/// The same for calls of some services.
pub(super) fn unencrypted_of(config: &SdkConfig, services: &[&str]) -> Vec<Error> {
    let set: BTreeSet<String> = services.iter().filter_map(|service| of(config, service)).collect();
    let addresses = set.iter().filter_map(|address| address.parse::<Uri>().ok());
    let open = addresses.filter(|address| address.scheme_str() == Some("http") && !is_local(address));
    open.filter_map(|address| {
        // Without what may be a password.
        let host = address.authority()?.as_str().rsplit('@').next()?.to_owned();
        let message =
            "calls to this endpoint are not encrypted, so others on the network can read and change the evidence";
        Some(
            Error::new(ErrorKind::Network, format!("http://{host}"), message)
                .hint("set AWS_ENDPOINT_URL to an https:// address"),
        )
    })
    .collect()
}
