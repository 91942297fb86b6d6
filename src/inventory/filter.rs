//! Filters for instances.

use std::str::FromStr;

use aws_sdk_rds::types::DbInstance;
use ssl_usage_parsers::ENGINES;

use crate::error::{Error, ErrorKind};

/// A filter: an instance matches if it fulfils every condition.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these, by name; any at all when empty.
    pub instances: Vec<String>,
    /// Of any of these engines, as AWS or this tool names them; of any at all when empty.
    pub engines: Vec<String>,
    /// With all of these tags.
    pub tags: Vec<Tag>,
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
    /// Whether every instance matches.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.engines.is_empty() && self.tags.is_empty()
    }

    /// Whether an instance matches.
    pub(super) fn takes(&self, instance: &DbInstance) -> bool {
        let name = instance.db_instance_identifier().unwrap_or_default();
        let named = self.instances.is_empty() || self.instances.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        let engine = instance.engine().unwrap_or_default();
        let tags = instance.tag_list();
        named
            && (self.engines.is_empty() || self.engines.iter().any(|wanted| is_engine(wanted, engine)))
            && self.tags.iter().all(|wanted| tags.iter().any(|tag| wanted.is(tag.key(), tag.value())))
    }

    /// Whether an instance of this name and engine can match.
    pub fn takes_kept(&self, name: &str, engine: &str) -> bool {
        (self.instances.is_empty() || self.instances.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)))
            && (self.engines.is_empty() || self.engines.iter().any(|wanted| is_engine(wanted, engine)))
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
    use aws_sdk_rds::types::Tag as ApiTag;

    use super::*;

    #[test]
    fn every_condition_must_be_fulfilled() {
        let tag = ApiTag::builder().key("team").value("orders").build();
        let builder = DbInstance::builder().db_instance_identifier("db-1").engine("aurora-postgresql");
        let instance = builder.tag_list(tag).build();
        let tag = |text: &str| text.parse::<Tag>().expect("a tag");
        let takes = |instances: &[&str], engines: &[&str], tags: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let tags = tags.iter().map(|text| tag(text)).collect();
            Filter { instances: owned(instances), engines: owned(engines), tags }.takes(&instance)
        };
        assert!(takes(&[], &[], &[]) && takes(&["x", "DB-1"], &["postgres"], &["team=orders"]));
        assert!(takes(&[], &["aurora-postgresql"], &["team"]));
        assert!(!takes(&["x"], &[], &[]) && !takes(&[], &["mysql"], &[]) && !takes(&[], &[], &["team=shop"]));
        assert!(!takes(&["db-1"], &[], &["team", "env"]));
        assert!("=x".parse::<Tag>().is_err());
    }
}
