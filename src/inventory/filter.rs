//! Filters for instances.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use aws_sdk_rds::types::{DbCluster, DbInstance, Tag as ApiTag};
use regex::bytes::{Regex, RegexBuilder};
use ssl_usage_parsers::ENGINES;

use super::profile::{AccountRegion, InstanceProfile};
use crate::error::{Error, ErrorKind};
use crate::text::suggest;

/// A filter: an instance matches if it fulfils every condition.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of any of these accounts; of any at all when empty.
    pub accounts: Vec<String>,
    /// In any of these regions; in any at all when empty.
    pub regions: Vec<String>,
    /// Any that one of these matches; any at all when empty.
    pub instances: Vec<NamePattern>,
    /// Of any of these engines, as AWS or this tool names them; of any at all when empty.
    pub engines: Vec<String>,
    /// With all of these tags.
    pub tags: Vec<Tag>,
}

/// An identifier of instances, in which `*` stands for any text and `?` for any one character. The case of letters makes no
/// difference.
///
/// Identifiers are lowercase letters, digits and hyphens. Source: RDS API reference, `CreateDBInstance`.
#[derive(Clone, Debug)]
pub struct NamePattern {
    text: String,
    regex: Regex,
}

impl FromStr for NamePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let regex = regex::escape(text).replace(r"\*", ".*").replace(r"\?", ".");
        let mut builder = RegexBuilder::new(&format!(r"\A{regex}\z"));
        // Letters of ASCII only: no other one is in an identifier.
        let built = builder.unicode(false).case_insensitive(true).dot_matches_new_line(true).build();
        let too_long = |_| Error::new(ErrorKind::Usage, "instance", "the identifier is too long");
        Ok(Self { text: text.to_owned(), regex: built.map_err(too_long)? })
    }
}

impl NamePattern {
    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it can match one identifier only.
    pub fn is_exact(&self) -> bool {
        !self.text.contains(['*', '?'])
    }

    /// Whether it matches an identifier.
    pub fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name.as_bytes())
    }
}

/// A tag that an instance must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    key: String,
    /// Any value when none.
    value: Option<String>,
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        match key {
            "" => Err(Error::new(ErrorKind::Usage, "--tag", "the tag has no key").hint("write KEY=VALUE or KEY")),
            key => Ok(Self { key: key.to_owned(), value }),
        }
    }
}

impl Filter {
    /// The names of [`Filter::instances`] that match none of these.
    pub fn unmatched<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<&NamePattern> {
        self.instances.iter().filter(|wanted| !names.clone().any(|name| wanted.matches(name))).collect()
    }

    /// Whether every instance of an account and region matches that does.
    pub fn takes_whole_regions(&self) -> bool {
        self.instances.is_empty() && self.engines.is_empty() && self.tags.is_empty()
    }

    /// The error when no instance matches the filters; `searched` names the accounts and regions, and `tags` are those that
    /// instances have there.
    pub fn none_matches<'t>(&self, searched: &str, tags: impl IntoIterator<Item = &'t str>) -> Error {
        let all = self.instances.iter().map(|name| ("--instance", name.as_str().to_owned()));
        let all = all.chain(self.engines.iter().map(|name| ("--engine", name.clone())));
        let given: Vec<_> = all.chain(self.tags.iter().map(|tag| ("--tag", tag.to_string()))).collect();
        let does = match given.as_slice() {
            [("--tag", _)] => "has this tag",
            [("--engine", _)] => "has this engine",
            _ => "matches all of these",
        };
        let given: Vec<_> = given.iter().map(|(option, value)| format!("{option} {value}")).collect();
        Error::new(ErrorKind::NoMatch, given.join(", "), format!("no instance in {searched} {does}")).hint(
            match self.tags.as_slice() {
                [tag] => suggest(&tag.to_string(), tags, "check the spelling, the region and the profile"),
                _ => "check the spelling, the region and the profile".to_owned(),
            },
        )
    }

    /// The options that give this filter, as words; none where it matches everything.
    pub fn options(&self) -> Vec<String> {
        let accounts = self.accounts.iter().map(|number| ["--account", number].map(str::to_owned));
        let regions = self.regions.iter().map(|name| ["--region", name].map(str::to_owned));
        let instances = self.instances.iter().map(|name| ["--instance", name.as_str()].map(str::to_owned));
        let engines = self.engines.iter().map(|name| ["--engine", name].map(str::to_owned));
        let tags = self.tags.iter().map(|tag| ["--tag".to_owned(), tag.to_string()]);
        accounts.chain(regions).chain(instances).chain(engines).chain(tags).flatten().collect()
    }

    /// Checks the name of an engine, as AWS or this tool names it. Names of RDS Custom begin with `custom-`.
    ///
    /// # Errors
    ///
    /// When there is no such engine, with the names that there are.
    pub fn engine(text: &str) -> Result<String, String> {
        let known: BTreeSet<_> =
            ENGINES.iter().flat_map(|engine| engine.aws_names.iter().copied().chain([engine.id])).collect();
        if known.contains(text) || text.starts_with("custom-") {
            return Ok(text.to_owned());
        }
        let all = known.iter().copied().collect::<Vec<_>>().join(", ");
        Err(suggest(text, known, &format!("use one of {all}")))
    }

    /// Whether an account and region matches. An unknown account matches if none is given.
    pub fn takes_region(&self, of: &AccountRegion) -> bool {
        (self.accounts.is_empty() || of.account.as_ref().is_some_and(|account| self.accounts.contains(account)))
            && (self.regions.is_empty() || self.regions.contains(&of.region))
    }

    /// Whether an instance, or a cluster without instances, of an account and region that matches does so too.
    pub(super) fn takes(&self, found: &impl Described) -> bool {
        let (name, engine, tags) = found.described();
        self.takes_named(name.unwrap_or_default(), engine.unwrap_or_default())
            && self.tags.iter().all(|wanted| tags.iter().any(|tag| wanted.is(tag.key(), tag.value())))
    }

    /// The same, of an instance in an inventory; none if its tags decide and the inventory does not hold them.
    pub fn takes_profile(&self, profile: &InstanceProfile) -> Option<bool> {
        let has = |wanted: &Tag, tags: &BTreeMap<String, String>| {
            tags.iter().any(|(key, value)| wanted.is(Some(key), Some(value)))
        };
        match &profile.tags {
            _ if !self.takes_named(&profile.instance, &profile.engine) => Some(false),
            _ if self.tags.is_empty() => Some(true),
            tags => tags.as_ref().map(|tags| self.tags.iter().all(|wanted| has(wanted, tags))),
        }
    }

    /// Whether an instance of this name and engine can match.
    fn takes_named(&self, name: &str, engine: &str) -> bool {
        (self.instances.is_empty() || self.instances.iter().any(|wanted| wanted.matches(name)))
            && (self.engines.is_empty() || self.engines.iter().any(|wanted| is_engine(wanted, engine)))
    }
}

/// What the filters look at: identifier, engine and tags.
pub(super) trait Described {
    fn described(&self) -> (Option<&str>, Option<&str>, &[ApiTag]);
}

impl Described for DbInstance {
    fn described(&self) -> (Option<&str>, Option<&str>, &[ApiTag]) {
        (self.db_instance_identifier(), self.engine(), self.tag_list())
    }
}

impl Described for DbCluster {
    fn described(&self) -> (Option<&str>, Option<&str>, &[ApiTag]) {
        (self.db_cluster_identifier(), self.engine(), self.tag_list())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(out, "{}={value}", self.key),
            None => out.write_str(&self.key),
        }
    }
}

impl Tag {
    fn is(&self, key: Option<&str>, value: Option<&str>) -> bool {
        key == Some(&self.key) && self.value.as_deref().is_none_or(|wanted| value.unwrap_or_default() == wanted)
    }
}

/// Whether AWS's `name` of an engine is what `wanted` stands for.
fn is_engine(wanted: &str, name: &str) -> bool {
    wanted == name || ENGINES.iter().any(|engine| engine.id == wanted && engine.aws_names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn stars_and_question_marks_are_wildcards_and_nothing_else_is() {
        let rows = [
            ("orders", &["orders", "Orders"][..], &["orders-prod", "my-orders", "", "orders\n"][..]),
            ("orders-*", &["orders-", "orders-prod", "ORDERS-prod-1"], &["orders", "my-orders-prod"]),
            ("*-prod-?", &["orders-prod-1", "-prod-x"], &["orders-prod-", "orders-prod-12"]),
            ("*", &["", "orders"], &[]),
            ("a.[bc]|d", &["a.[bc]|d"], &["a.b", "axb", "d"]),
        ];
        for (text, matching, others) in rows {
            assert!(matching.iter().all(|name| pattern(text).matches(name)), "{text}");
            assert!(!others.iter().any(|name| pattern(text).matches(name)), "{text}");
            assert_eq!(pattern(text).is_exact(), !text.contains(['*', '?']), "{text}");
        }
        // One that compares as many times as there are ways to divide a name does not end.
        assert!(!pattern(&"*a".repeat(32)).matches(&"a".repeat(31)));
        assert!("?".repeat(1_000_000).parse::<NamePattern>().is_err());
    }

    #[test]
    fn every_condition_must_be_fulfilled() {
        let tag = ApiTag::builder().key("team").value("orders").build();
        let builder = DbInstance::builder().db_instance_identifier("db-1").engine("aurora-postgresql");
        let instance = builder.tag_list(tag).build();
        let tag = |text: &str| text.parse::<Tag>().expect("a tag");
        let takes = |instances: &[&str], engines: &[&str], tags: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let instances = instances.iter().map(|text| pattern(text)).collect();
            let tags = tags.iter().map(|text| tag(text)).collect();
            Filter { instances, engines: owned(engines), tags, ..Filter::default() }.takes(&instance)
        };
        assert!(takes(&[], &[], &[]) && takes(&["x", "DB-1"], &["postgres"], &["team=orders"]));
        assert!(takes(&["x", "db-?"], &[], &[]) && !takes(&["x-*"], &[], &[]));
        assert!(takes(&[], &["aurora-postgresql"], &["team"]));
        assert!(!takes(&["x"], &[], &[]) && !takes(&[], &["mysql"], &[]) && !takes(&[], &[], &["team=shop"]));
        assert!(!takes(&["db-1"], &[], &["team", "env"]));
        assert!("=x".parse::<Tag>().is_err());
    }
}
