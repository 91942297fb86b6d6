//! What could not be read, as bundles and reports keep it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Most subjects that are named where the same happened to many.
const NAMED: usize = 8;

/// Something that could not be read. The rest of the fleet is reported all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Number of the account that was asked; none where it is not known, or where no account was asked.
    #[serde(default)]
    pub account: Option<String>,
    /// Region that was asked, likewise.
    #[serde(default)]
    pub region: Option<String>,
    /// What it is about: an instance, a log file, a group, a region.
    pub subject: String,
    /// The API call that failed, as `rds:DescribeDBInstances`; none for a file.
    pub call: Option<String>,
    /// The error code of the API, or a word for the kind of failure.
    pub code: String,
    /// What happened and what to do next, in one sentence.
    pub message: String,
}

impl Problem {
    /// Adds the account and region that were asked.
    #[must_use]
    pub fn at(mut self, account: Option<&str>, region: &str) -> Self {
        (self.account, self.region) = (account.map(str::to_owned), Some(region.to_owned()));
        self
    }

    /// The subject, and where it is.
    fn who(&self) -> String {
        let region = self.region.as_deref().filter(|region| *region != self.subject);
        match (region, self.account.as_deref()) {
            (Some(region), Some(account)) => format!("{} ({region}, {account})", self.subject),
            (Some(place), None) | (None, Some(place)) => format!("{} ({place})", self.subject),
            (None, None) => self.subject.clone(),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let (account, region) = error.place();
        Self {
            account: account.map(str::to_owned),
            region: region.map(str::to_owned),
            subject: error.subject().to_owned(),
            call: error.called().map(str::to_owned),
            code: error.code().to_owned(),
            message: error.advice(),
        }
    }
}

/// A problem for people: whom it concerns, and what happened. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief<'t> {
    /// The subjects and where they are; of many the first, and how many more.
    pub who: String,
    /// What happened to each of them and what to do next.
    pub message: &'t str,
}

impl fmt::Display for Brief<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.who, self.message)
    }
}

/// Says once what happened to many. A permission that is missing can fail each of ten thousand logs.
pub fn grouped<'t>(troubles: impl IntoIterator<Item = &'t Problem>) -> Vec<Brief<'t>> {
    let mut groups: Vec<(&str, Vec<&Problem>)> = Vec::new();
    let mut group_of = BTreeMap::new();
    for trouble in troubles {
        let group = *group_of.entry((&trouble.call, &trouble.code, &trouble.message)).or_insert_with(|| {
            groups.push((&trouble.message, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, alike)) = groups.get_mut(group) {
            alike.push(trouble);
        }
    }
    let brief = |(message, alike): (&'t str, Vec<&Problem>)| {
        let mut who = alike.iter().take(NAMED).map(|trouble| trouble.who()).collect::<Vec<_>>().join(", ");
        if let Some(more) = alike.len().checked_sub(NAMED).filter(|more| *more > 0) {
            who += &format!(" and {more} more");
        }
        Brief { who, message }
    };
    groups.into_iter().map(brief).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn denied(log: usize) -> Problem {
        let error = Error::new(ErrorKind::Denied, format!("db-1 log.{log}"), "AWS denied the call").hint("grant it");
        Problem::from(&error).at(Some("123456789012"), "eu-west-1")
    }

    #[test]
    fn what_happened_to_many_is_said_once_and_counted() {
        let cut = Problem { message: "the answer was cut".to_owned(), ..denied(0) };
        let nowhere = Problem { account: None, region: None, subject: "eu-west-3".to_owned(), ..cut.clone() };
        let region = Problem { subject: "eu-west-1".to_owned(), ..cut.clone() };
        let troubles: Vec<Problem> = (1..=NAMED + 2).map(denied).chain([cut, nowhere, region]).collect();
        let lines: Vec<String> = grouped(&troubles).iter().map(ToString::to_string).collect();
        let named: Vec<String> = (1..=NAMED).map(|log| format!("db-1 log.{log} (eu-west-1, 123456789012)")).collect();
        assert_eq!(
            lines,
            [
                format!("{} and 2 more: AWS denied the call; grant it", named.join(", ")),
                "db-1 log.0 (eu-west-1, 123456789012), eu-west-3, eu-west-1 (123456789012): the answer was cut"
                    .to_owned(),
            ]
        );
    }
}
