//! Problems: errors that do not end the run, as bundles and reports keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{AwsAnswer, Error};
use crate::text::listed;

/// How many subjects are named if the same happened to more.
const NAMED: usize = 4;

/// A problem: something that could not be read. The report covers the rest of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Account number of the call; none where it is unknown, or where it is about a file.
    #[serde(default)]
    pub account: Option<String>,
    /// Region of the call, likewise.
    #[serde(default)]
    pub region: Option<String>,
    /// An instance, a log file, a parameter group or a region.
    pub subject: String,
    /// The API call that failed, such as `rds:DescribeDBInstances`; none for a file.
    pub call: Option<String>,
    /// The error code of the API, or the name of the kind of error.
    pub code: String,
    /// What happened and what to do next, in one line.
    pub message: String,
    /// The message of AWS, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_message: Option<String>,
    /// The request ID of the call, which AWS Support asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// Adds the account and region of the call.
    #[must_use]
    pub fn at(mut self, account: Option<&str>, region: &str) -> Self {
        (self.account, self.region) = (account.map(str::to_owned), Some(region.to_owned()));
        self
    }

    /// What AWS answered, if it did.
    pub fn answer(&self) -> Option<AwsAnswer> {
        let answer = AwsAnswer { message: self.aws_message.clone(), request_id: self.request_id.clone() };
        (answer != AwsAnswer::default()).then_some(answer)
    }

    /// The subject with its region and account.
    fn who(&self) -> String {
        let region = self.region.as_deref().filter(|region| *region != self.subject);
        match (region, self.account.as_deref()) {
            (Some(region), Some(account)) => format!("{} ({region}, {account})", self.subject),
            (Some(known), None) | (None, Some(known)) => format!("{} ({known})", self.subject),
            (None, None) => self.subject.clone(),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let (account, region) = error.account_and_region();
        Self {
            account: account.map(str::to_owned),
            region: region.map(str::to_owned),
            subject: error.subject().to_owned(),
            call: error.called().map(str::to_owned),
            code: error.code().to_owned(),
            message: error.advice(),
            aws_message: error.answer().and_then(|answer| answer.message.clone()),
            request_id: error.answer().and_then(|answer| answer.request_id.clone()),
        }
    }
}

/// Sorts problems, and keeps each once: attempts that failed alike differ in their request IDs alone.
pub fn distinct(problems: &mut Vec<Problem>) {
    problems.sort_unstable();
    let same = |problem: &Problem| Problem { request_id: None, ..problem.clone() };
    problems.dedup_by(|one, other| same(one) == same(other));
}

/// How many problems there are of each code, the most frequent first.
pub fn by_code(problems: &[Problem]) -> Vec<(&str, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    problems.iter().for_each(|problem| *counts.entry(&problem.code).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Equal problems of several subjects. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// The subjects with region and account; of many, the first and a count of the others.
    pub who: String,
    /// What happened and what to do next, and what AWS says of the first subject.
    pub message: String,
    /// The error code of the API, or the name of the kind of error.
    pub code: String,
    /// The API call that failed; none for a file.
    pub call: Option<String>,
}

impl fmt::Display for Brief {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.who, self.message)
    }
}

/// Groups equal problems: one missing permission can affect each of ten thousand logs.
pub fn grouped<'t>(problems: impl IntoIterator<Item = &'t Problem>) -> Vec<Brief> {
    let mut groups: Vec<(&str, Vec<&Problem>)> = Vec::new();
    let mut group_of = BTreeMap::new();
    for problem in problems {
        let group = *group_of.entry((&problem.call, &problem.code, &problem.message)).or_insert_with(|| {
            groups.push((&problem.message, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, alike)) = groups.get_mut(group) {
            alike.push(problem);
        }
    }
    let brief = |(message, alike): (&'t str, Vec<&Problem>)| {
        let who = subjects(&alike);
        let answer = alike.first().and_then(|problem| problem.answer());
        let message = match answer {
            Some(answer) => format!("{}. {answer}", message.trim_end_matches('.')),
            None => message.to_owned(),
        };
        let (code, call) = alike.first().map(|first| (first.code.clone(), first.call.clone())).unwrap_or_default();
        Brief { who, message, code, call }
    };
    groups.into_iter().map(brief).collect()
}

/// The subjects of equal problems: each with its region and account if there are few; else the first ones, how many more
/// there are, and where.
fn subjects(alike: &[&Problem]) -> String {
    if alike.len() <= NAMED {
        return alike.iter().map(|problem| problem.who()).collect::<Vec<_>>().join(", ");
    }
    let names: BTreeSet<&str> = alike.iter().map(|problem| problem.subject.as_str()).collect();
    let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
    let distinct = |what, of: fn(&Problem) -> Option<&str>| {
        let values: BTreeSet<&str> = alike.iter().filter_map(|problem| of(problem)).collect();
        (!values.is_empty()).then(|| listed(what, &values))
    };
    let regions = distinct("region", |problem| problem.region.as_deref().filter(|region| *region != problem.subject));
    let accounts = distinct("account", |problem| problem.account.as_deref());
    let of = [accounts, regions].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let of = if of.is_empty() { of } else { format!(" ({of})") };
    format!("{first}{}{of}", more.unwrap_or_default())
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
        let cut = Problem { message: "the response was truncated".to_owned(), ..denied(0) };
        let nowhere = Problem { account: None, region: None, subject: "eu-west-3".to_owned(), ..cut.clone() };
        let region = Problem { subject: "eu-west-1".to_owned(), ..cut.clone() };
        let problems: Vec<Problem> = (1..=NAMED + 2).map(denied).chain([cut, nowhere, region]).collect();
        let lines: Vec<String> = grouped(&problems).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "db-1 log.1, db-1 log.2, db-1 log.3, db-1 log.4 and 2 more (account 123456789012; region eu-west-1): AWS \
                 denied the call. Grant it."
                    .to_owned(),
                "db-1 log.0 (eu-west-1, 123456789012), eu-west-3, eu-west-1 (123456789012): the response was truncated"
                    .to_owned(),
            ]
        );
    }

    #[test]
    fn the_same_subject_in_many_accounts_is_named_once() {
        let region = |account: usize| {
            let error = Error::new(ErrorKind::Denied, "eu-west-1", "AWS denied the call").hint("grant it");
            Problem::from(&error).at(Some(&format!("{account:012}")), "eu-west-1")
        };
        let problems: Vec<_> = (1..=38).map(region).collect();
        let lines: Vec<String> = grouped(&problems).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["eu-west-1 (38 accounts): AWS denied the call. Grant it."]);
    }
}
