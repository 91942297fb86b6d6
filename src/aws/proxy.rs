//! Proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or small letters.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::error::{Error, ErrorKind, Result};

/// Variables that name a proxy. Source: curl's manual, "Environment"; hyper-util's `Matcher::from_env`.
const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The proxy of a call to an address, if it goes through one.
pub(super) fn of(address: &Uri) -> Option<Intercept> {
    if is_local(address) { None } else { Matcher::from_env().intercept(address) }
}

/// Whether an address is on this machine or its link, where no proxy stands between: a local endpoint, and the services of
/// EC2 and ECS that hand out credentials.
///
/// Source: "Use the Instance Metadata Service" in the EC2 user guide; "Task IAM role" in the ECS developer guide.
pub(super) fn is_local(address: &Uri) -> bool {
    let host = address.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.segments().starts_with(&[0xfd00, 0x0ec2]),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Checks the proxies of the environment. One that cannot be used would otherwise be passed over.
///
/// # Errors
///
/// When a variable holds no address of an HTTP proxy.
pub(super) fn check() -> Result<()> {
    VARIABLES.iter().try_for_each(|name| match std::env::var(name) {
        Ok(value) => checked(name, &value),
        Err(std::env::VarError::NotPresent) => Ok(()),
        Err(std::env::VarError::NotUnicode(_)) => Err(unusable(name, "the value is not UTF-8")),
    })
}

fn checked(name: &str, value: &str) -> Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    let Some(address) = value.parse::<Uri>().ok().filter(|address| address.host().is_some()) else {
        return Err(unusable(name, "the value is not the address of a proxy"));
    };
    let (host, authority) = (address.host().unwrap_or_default(), address.authority().map_or("", |all| all.as_str()));
    let has_port = authority.rsplit('@').next().is_some_and(|rest| rest.len() > host.len());
    if has_port && address.port_u16().is_none() {
        return Err(unusable(name, "the port of the proxy is invalid"));
    }
    match address.scheme_str().unwrap_or("http") {
        "http" | "https" => Ok(()),
        scheme => Err(unusable(name, &format!("proxies of the type {scheme} are not supported"))),
    }
}

/// The value may contain a password, and is not shown.
fn unusable(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Usage, name, why)
        .hint(format!("set {name} to an address such as http://proxy.example.com:8080, or unset it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_this_machine_are_called_without_a_proxy() {
        let local = [
            "http://127.0.0.1:4566/",
            "http://localhost/",
            "http://[::1]:8080/",
            "http://169.254.169.254/latest",
            "http://169.254.170.2/v2/credentials",
            "http://[fd00:ec2::254]/latest",
        ];
        let remote = ["https://rds.eu-west-1.amazonaws.com/", "http://10.0.0.1/", "http://localhost.example.com/"];
        let is_direct = |address: &&str| is_local(&address.parse().expect("an address"));
        assert!(local.iter().all(is_direct) && !remote.iter().any(is_direct));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for usable in ["", "http://proxy:3128", "https://user:p%40ss@proxy.example.com", "proxy.example.com:8080"] {
            assert!(checked("HTTPS_PROXY", usable).is_ok(), "{usable}");
        }
        for unusable in [
            "socks5://user:secret@proxy:1080",
            "http://user:secret@",
            "http://user:se cret@proxy",
            "/path",
            "http://u:secret@h:70000",
        ] {
            let error = checked("HTTPS_PROXY", unusable).expect_err("an error").to_string();
            assert!(error.starts_with("HTTPS_PROXY: ") && !error.contains("cret"), "{error}");
        }
    }
}
