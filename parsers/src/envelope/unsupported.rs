//! Envelopes that are not read, each with the command that gives what is.

use memchr::memmem;

use super::Head;
use super::json::first_key;

/// An envelope that is not read.
#[derive(Debug)]
pub struct Unsupported {
    /// What it is.
    pub what: &'static str,
    /// What to do instead.
    pub advice: &'static str,
    is: fn(&Head<'_>) -> bool,
}

const AS_JSON: &str = "run the AWS CLI command again with `--output json`, and scan its output";

static UNSUPPORTED: &[Unsupported] = &[
    Unsupported {
        what: "a table printed by the AWS CLI (`--output table`), which may shorten messages",
        advice: AS_JSON,
        is: |head| {
            let mut lines = head.lines();
            let rule = |line: &[u8]| line.len() > 4 && line.iter().all(|byte| *byte == b'-');
            let titles = ["GetLogEvents", "FilterLogEvents", "DownloadDBLogFilePortion", "GetQueryResults"];
            let is_title = |line: &[u8]| titles.iter().any(|title| memmem::find(line, title.as_bytes()).is_some());
            lines.next().is_some_and(rule) && lines.next().is_some_and(|line| line.starts_with(b"|") && is_title(line))
        },
    },
    Unsupported {
        what: "YAML printed by the AWS CLI (`--output yaml`)",
        advice: AS_JSON,
        is: |head| {
            let keys = ["events:", "searchedLogStreams:", "nextToken:", "nextForwardToken:", "nextBackwardToken:"];
            let portion = ["LogFileData:", "AdditionalDataPending:", "Marker:"];
            let first = head.first().strip_prefix(b"- ").unwrap_or(head.first());
            keys.iter().chain(&portion).any(|key| first.starts_with(key.as_bytes()))
        },
    },
    Unsupported {
        what: "the output of `aws logs get-query-results`",
        advice: "export the log group with `aws logs filter-log-events --log-group-name GROUP --output json`, \
                 and scan that",
        is: |head| {
            let keys: [&[u8]; 5] = [b"results", b"queryLanguage", b"statistics", b"status", b"encryptionKey"];
            first_key(head.text).is_some_and(|key| keys.contains(&key))
                && memmem::find(head.text, b"\"field\"").is_some()
                && memmem::find(head.text, b"\"@").is_some()
        },
    },
    Unsupported {
        what: "lists of fields of CloudWatch Logs events (`--query`)",
        advice: "run the AWS CLI command again without `--query`, with `--output json`, and scan its output",
        is: |head| {
            let list = head.text.trim_ascii_start().strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
            list.is_some_and(|list| {
                let inner = list.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
                inner.is_some_and(|inner| inner.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'"'))
                    || (list.starts_with(b"{")
                        && first_key(list).is_some_and(|key| key == b"message" || key == b"timestamp"))
            })
        },
    },
];

/// The envelope that a log is which begins like this, if it is one of them.
pub(super) fn of(head: &Head<'_>) -> Option<&'static Unsupported> {
    UNSUPPORTED.iter().find(|kind| (kind.is)(head))
}
