//! Envelopes that are not read, each with the command that gives a form that is read.
//!
//! Their text may be shortened, folded or split, so that a log read from it could be wrong. They are looked for only if no
//! envelope opens the log.

use memchr::memmem;

use super::Head;
use super::json::first_key;
use super::json_lines::is_json as is_json_format;
use crate::detect::detect;

/// An envelope that is not read.
#[derive(Debug)]
pub struct Unsupported {
    /// What it is.
    pub what: &'static str,
    /// What to do instead.
    pub advice: &'static str,
    /// Whether a log that begins like this is one.
    is: fn(&Head<'_>) -> bool,
}

/// Advice for output of the AWS CLI in other formats.
const AS_JSON: &str = "run the AWS CLI command again with `--output json`, and scan its output";

/// All of them. The first that matches decides.
static UNSUPPORTED: &[Unsupported] = &[
    Unsupported {
        what: "a table printed by the AWS CLI (`--output table`), which may shorten messages",
        advice: AS_JSON,
        is: |head| {
            let mut lines = head.lines();
            let rule = |line: &[u8]| line.len() > 4 && line.iter().all(|byte| *byte == b'-');
            lines.next().is_some_and(rule)
                && lines.next().is_some_and(|line| line.starts_with(b"|") && line.ends_with(b"|"))
        },
    },
    Unsupported {
        what: "YAML printed by the AWS CLI (`--output yaml`)",
        advice: AS_JSON,
        is: |head| {
            let keys = ["events:", "searchedLogStreams:", "nextToken:", "nextForwardToken:", "nextBackwardToken:"];
            let portion = ["LogFileData:", "AdditionalDataPending:", "Marker:"];
            let first = head.first().strip_prefix(b"- ").unwrap_or(head.first());
            keys.iter().chain(&portion).any(|key| first.starts_with(key.as_bytes())) || is_yaml(head)
        },
    },
    Unsupported {
        what: "output of the AWS Tools for PowerShell, as objects",
        advice: "write only the text of the log to a file, and scan that: `(Get-CWLLogEvent ...).Events.Message > FILE`, or \
                 `(Get-RDSDBLogFilePortion ...).LogFileData > FILE`",
        is: |head| {
            let members: [&[u8]; 5] =
                [b"IngestionTime", b"AdditionalDataPending", b"LogFileData", b"NextForwardToken", b"EventId"];
            let first = head.lines().find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
            // Format-List, Export-Csv and ConvertTo-Json.
            let listed = members.iter().any(|member| {
                first.strip_prefix(*member).is_some_and(|rest| rest.trim_ascii_start().starts_with(b": "))
            });
            let csv = first.starts_with(b"#TYPE Amazon.") || first.starts_with(b"\"IngestionTime\",\"Message\"");
            let json = first_key(head.text).is_some_and(|key| key == b"Events")
                && memmem::find(head.text, b"\"Message\":").is_some();
            listed || csv || json
        },
    },
    Unsupported {
        what: "a table copied from the CloudWatch console, which does not keep a message's blanks",
        advice: "download the results as CSV, or export the events with \
                 `aws logs filter-log-events --log-group-name GROUP --output json`, and scan that",
        is: |head| {
            let mut lines = head.lines().filter(|line| !line.is_empty());
            let Some(first) = lines.next() else { return false };
            let rule = |line: &[u8]| line.len() > 4 && line.iter().all(|byte| b"|-+=: ".contains(byte));
            let row = |line: &[u8]| line.starts_with(b"|") && line.trim_ascii_end().ends_with(b"|");
            let second = lines.next().unwrap_or_default();
            (row(first) && rule(second)) || (rule(first) && row(second))
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
        what: "JSON in which no single member holds the lines of a connection log",
        advice: "extract the lines, and scan them: `jq --raw-output .MEMBER FILE | ssl-usage scan -`; of the AWS CLI, scan the \
                 whole output of `--output json` without `--query`",
        is: |head| {
            let text = head.text.trim_ascii_start();
            let object = |text: &[u8]| first_key(text).is_some_and(|key| !key.is_empty());
            let array = text.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
            let begins = object(text)
                || array.is_some_and(|items| object(items) || items.starts_with(b"[") || items.starts_with(b"\""));
            // Nothing but a prefix that was guessed makes a record of such a line.
            begins
                && head.first().len() < 16 * 1024
                && is_json(head)
                && detect(head.text, head.hints).is_some_and(|parser| !is_json_format(parser.as_ref()))
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

/// Whether nearly every line is a JSON value.
///
/// At least three of four lines, of the first 100. A comma at the end of a line is allowed.
fn is_json(head: &Head<'_>) -> bool {
    let lines: Vec<_> = head.lines().filter(|line| !line.is_empty()).take(100).collect();
    let is_value = |line: &&&[u8]| super::json::value(line.strip_suffix(b",").unwrap_or(line)).is_some();
    let values = lines.iter().filter(is_value).count();
    !lines.is_empty() && values * 4 >= lines.len() * 3
}

/// Whether this is a YAML list or a folded string, as `--query` leaves them: no log has all its lines indented behind the
/// first, or a dash before it.
///
/// The first 200 lines are looked at. A folded string begins with a quotation mark, `|` or `>`.
fn is_yaml(head: &Head<'_>) -> bool {
    let lines: Vec<_> = head.lines().take(200).collect();
    let Some((first, rest)) = lines.split_first() else { return false };
    let indented = |line: &[u8]| line.is_empty() || line.starts_with(b"  ");
    let list = first.starts_with(b"- ") && rest.iter().all(|line| indented(line) || line.starts_with(b"- "));
    let quoted = |quote: &[u8]| first.starts_with(quote) && first.trim_ascii_end() != quote;
    let folded = quoted(b"\"") || quoted(b"'") || matches!(*first, b"|" | b"|-" | b"|+" | b">" | b">-" | b">+");
    list || (folded && !rest.is_empty() && rest.iter().all(|line| indented(line)))
}

/// The envelope of a log that begins with this head, if it is one of these.
///
/// None if the log is plain.
pub(super) fn of(head: &Head<'_>) -> Option<&'static Unsupported> {
    UNSUPPORTED.iter().find(|kind| (kind.is)(head))
}
