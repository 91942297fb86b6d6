//! Clients that the policy ignores, such as monitoring that uses TLS, or a scanner.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{filled, is_named};
use crate::inventory::InstanceProfile;
use crate::usage::Client;

/// An entry for clients whose sessions do not count. Every given field must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Address as the log writes it, or a range (`10.0.0.0/8`).
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Identifier or ARN of the instance; any instance if left out.
    pub instance: Option<String>,
    /// Why they are ignored.
    pub reason: String,
    /// How many sessions it ignored, in all instances of the report.
    #[serde(skip_deserializing)]
    pub sessions: u64,
}

impl Ignore {
    pub(super) fn check(&self) -> Result<(), String> {
        filled("reason", &self.reason)?;
        if [&self.user, &self.database, &self.address, &self.application].iter().all(|field| field.is_none()) {
            return Err(
                "[[ignore]] needs user, database, address or application: it cannot ignore all clients".to_owned()
            );
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
        let lies_in = |range: (IpAddr, u32)| {
            client
                .address
                .as_deref()
                .and_then(|address| address.parse().ok())
                .is_some_and(|address| holds(range, address))
        };
        is(&self.user, &client.user)
            && is(&self.database, &client.database)
            && is(&self.application, &client.application)
            && (is(&self.address, &client.address) || self.address.as_deref().and_then(range).is_some_and(lies_in))
            && self.instance.as_deref().is_none_or(|name| is_named(name, profile))
    }
}

/// `10.0.0.0/8`: an address, and how many of its bits count.
fn range(text: &str) -> Option<(IpAddr, u32)> {
    let (network, bits) = text.split_once('/')?;
    let (network, bits) = (network.parse::<IpAddr>().ok()?, bits.parse().ok()?);
    (bits <= if network.is_ipv4() { 32 } else { 128 }).then_some((network, bits))
}

fn holds((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    let differ = match (network, address.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => u128::from(one.to_bits() ^ other.to_bits()) << 96,
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::{holds, range};

    #[test]
    fn ranges_hold_what_lies_in_them() {
        let is_in = |text: &str, address: &str| holds(range(text).expect(text), address.parse().expect(address));
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
        assert!(
            ["10.0.0.0", "10.0.0.0/33", "::/129", "host/8", "10.0.0.0/-1"].iter().all(|text| range(text).is_none())
        );
    }
}
