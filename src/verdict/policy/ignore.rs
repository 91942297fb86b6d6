//! Clients that the policy ignores, such as monitoring that uses TLS, or a scanner.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::{filled, is_named};
use crate::inventory::InstanceProfile;
use crate::usage::Client;

/// An entry for clients whose sessions do not count. Every given field must match: names exactly, patterns whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// Database user.
    pub user: Option<String>,
    /// Pattern of the whole user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_regex: Option<Pattern>,
    /// Database.
    pub database: Option<String>,
    /// Pattern of the whole database's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_regex: Option<Pattern>,
    /// Address as the log writes it, or a range (`10.0.0.0/8`).
    pub address: Option<String>,
    /// Pattern of the whole address as the log writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_regex: Option<Pattern>,
    /// Application name.
    pub application: Option<String>,
    /// Pattern of the whole application name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_regex: Option<Pattern>,
    /// Identifier or ARN of the instance; any instance if left out.
    pub instance: Option<String>,
    /// Pattern of the whole identifier of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_regex: Option<Pattern>,
    /// Why they are ignored.
    pub reason: String,
    /// How many sessions it ignored, in all instances of the report.
    #[serde(skip_deserializing)]
    pub sessions: u64,
}

impl Ignore {
    pub(super) fn check(&self) -> Result<(), String> {
        filled("reason", &self.reason)?;
        let names = [&self.user, &self.database, &self.address, &self.application];
        let patterns = [&self.user_regex, &self.database_regex, &self.address_regex, &self.application_regex];
        if names.iter().all(|name| name.is_none()) && patterns.iter().all(|pattern| pattern.is_none()) {
            return Err("[[ignore]] needs user, database, address or application, or a pattern of one of them \
                        (user_regex): it cannot ignore all clients"
                .to_owned());
        }
        match &self.address {
            Some(address) if address.contains('/') && range(address).is_none() => {
                Err(format!("address {address} is not an address range such as 10.0.0.0/8"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn matches(&self, profile: &InstanceProfile, client: &Client) -> bool {
        // A value that the log does not show does not match.
        let is = |given: &Option<String>, found: &Option<String>| given.is_none() || given == found;
        let is_like = |given: &Option<Pattern>, found: Option<&str>| {
            given.as_ref().is_none_or(|pattern| found.is_some_and(|found| pattern.matches(found)))
        };
        is(&self.user, &client.user)
            && is(&self.database, &client.database)
            && is(&self.application, &client.application)
            && (is(&self.address, &client.address) || self.lies_in_range(client))
            && self.instance.as_deref().is_none_or(|name| is_named(name, profile))
            && is_like(&self.user_regex, client.user.as_deref())
            && is_like(&self.database_regex, client.database.as_deref())
            && is_like(&self.application_regex, client.application.as_deref())
            && is_like(&self.address_regex, client.address.as_deref())
            && is_like(&self.instance_regex, Some(&profile.instance))
    }

    fn lies_in_range(&self, client: &Client) -> bool {
        let range = self.address.as_deref().and_then(range);
        let address = client.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        range.zip(address).is_some_and(|(range, address)| range.contains(&address.to_canonical()))
    }
}

/// `10.0.0.0/8`: an address, and how many of its bits count.
fn range(text: &str) -> Option<IpNet> {
    let (network, bits) = text.split_once('/')?;
    IpNet::new(network.parse().ok()?, bits.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_lies_in_them() {
        let is_in = |text: &str, address: &str| {
            let entry = Ignore { address: Some(text.to_owned()), ..Ignore::default() };
            entry.lies_in_range(&Client { address: Some(address.to_owned()), ..Client::default() })
        };
        let inside = [
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.9.9.9/8", "10.1.1.1"),
            ("10.0.0.7/32", "10.0.0.7"),
            ("0.0.0.0/0", "8.8.8.8"),
        ];
        assert!(inside.iter().all(|(range, address)| is_in(range, address)));
        assert!(is_in("10.0.0.0/8", "::ffff:10.0.0.1") && is_in("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!is_in("10.0.0.0/9", "10.128.0.1") && !is_in("10.0.0.7/32", "10.0.0.6") && !is_in("0.0.0.0/0", "::1"));
        assert!(!is_in("2001:db8::/33", "2001:db8:8000::1"));
        let none = ["10.0.0.0", "10.0.0.0/33", "::/129", "host/8", "10.0.0.0/-1", "010.0.0.0/8", "10.0.0.0/8/8"];
        assert!(none.iter().all(|text| range(text).is_none()));
    }
}
