//! Certificate authorities (CAs): when they expire, and which one signs new certificates.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_rds::types::Certificate as ApiCertificate;
use jiff::Timestamp;

use super::rds::instant;

/// The expiry of CAs that the API no longer lists. The API takes precedence.
///
/// Source: "Using SSL/TLS to encrypt a connection to a DB instance" in the RDS user guide, versions of 2019 and 2023.
const RETIRED: &[(&str, &str)] = &[("rds-ca-2015", "2020-03-05T09:11:31Z"), ("rds-ca-2019", "2024-08-22T17:08:50Z")];

/// What makes a CA the better one: an RSA key, because old drivers may lack other algorithms; then a late end.
fn preference<'n>((name, end): &(&'n String, &Timestamp)) -> (bool, Timestamp, Reverse<&'n String>) {
    (name.contains("rsa"), **end, Reverse(*name))
}

/// The CAs of an account and region.
#[derive(Debug, Default)]
pub(super) struct Authorities {
    ends: BTreeMap<String, Timestamp>,
    default: Option<String>,
}

impl Authorities {
    /// What `DescribeCertificates` says. The account's own choice (`CustomerOverride`) goes before the region's default.
    pub fn new(certificates: &[ApiCertificate], default: Option<&str>) -> Self {
        let named = |certificate: &ApiCertificate| {
            let till = certificate.valid_till().and_then(instant)?;
            Some((certificate.certificate_identifier()?.to_owned(), till))
        };
        let chosen = certificates.iter().find(|certificate| certificate.customer_override() == Some(true));
        let default = chosen.and_then(ApiCertificate::certificate_identifier).or(default).map(str::to_owned);
        Self { ends: certificates.iter().filter_map(named).collect(), default }
    }

    /// When a CA expires, where it is known.
    pub fn end(&self, authority: &str) -> Option<Timestamp> {
        let retired = || RETIRED.iter().find(|(name, _)| *name == authority)?.1.parse().ok();
        self.ends.get(authority).copied().or_else(retired)
    }

    /// The CA that signs a new certificate of an engine version: the default, or where the version does not
    /// support that one, of those it does the one that lasts longest, with an RSA key if there is one.
    pub fn target(&self, supported: Option<&[String]>) -> Option<String> {
        let fits = |name: &String| supported.is_none_or(|supported| supported.contains(name));
        let longest = || {
            let known = self.ends.iter().filter(|(name, _)| fits(name));
            known.max_by_key(preference).map(|(name, _)| name.clone())
        };
        self.default.clone().filter(fits).or_else(longest)
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    fn certificate(name: &str, end: i64, chosen: bool) -> ApiCertificate {
        ApiCertificate::builder()
            .certificate_identifier(name)
            .valid_till(DateTime::from_secs(end))
            .customer_override(chosen)
            .build()
    }

    #[test]
    fn the_accounts_choice_goes_before_the_regions_and_support_before_both() {
        let both = [certificate("a", 2_000_000_000, false), certificate("b", 3_000_000_000, true)];
        let authorities = Authorities::new(&both, Some("a"));
        assert_eq!(authorities.target(None).as_deref(), Some("b"));
        assert_eq!(authorities.target(Some(&["a".to_owned()])).as_deref(), Some("a"));
        assert_eq!(authorities.target(Some(&[])), None, "nothing that is known is supported");
    }

    #[test]
    fn a_retired_authority_has_an_end() {
        let authorities = Authorities::default();
        assert!(authorities.end("rds-ca-2019").is_some());
        assert_eq!(authorities.end("rds-ca-3019"), None);
    }
}
