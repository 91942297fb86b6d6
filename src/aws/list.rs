//! Paginated lists: complete, or an error. A repeated marker or an endless list is an error.
//!
//! The SDK's own paginators silently end a list at a repeated marker, and follow new markers forever.

use std::cell::Cell;
use std::collections::HashSet;
use std::error::Error as StdError;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use tokio::time::Instant;

use super::failure::failure;
use crate::error::{Error, ErrorKind, Result};

/// What one list may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    pages: usize,
    /// Pages in a row with nothing on them. AWS sends such pages, too (API reference: `ListAccounts`).
    empty: usize,
    bytes: u64,
    time: Duration,
}

/// A page of the RDS API holds 100 records, of Organizations 20, of CloudWatch Logs 50. The largest lists that the services'
/// quotas allow are far smaller: an account has 40 instances a region and an organization 10,000 accounts, unless AWS raises
/// that. An instance of 10,000 takes 6 KB of XML. The time includes waiting where AWS throttles.
const LIMITS: Limits =
    Limits { pages: 5_000, empty: 100, bytes: 256 * 1024 * 1024, time: Duration::from_secs(60 * 60) };

tokio::task_local! {
    /// Bytes of the answers to the calls of a list, and whether the last of them has a record.
    static RECEIVED: Cell<(u64, bool)>;
}

/// Tells that an answer came, to the list that asked for it.
pub(super) fn received(answer: &[u8]) {
    // Most calls are of no list.
    let _ = RECEIVED.try_with(|sum| sum.set((sum.get().0 + answer.len() as u64, has_record(answer))));
}

/// Elements beside lists, which hold text.
const OF_TEXT: [&[u8]; 2] = [b"Marker", b"RequestId"];

/// Whether an answer in XML has a record, of whatever name: `<...Response><...Result><List><Record>`; or text where a record
/// belongs.
fn has_record(answer: &[u8]) -> bool {
    let mut depth = 0_u32;
    let mut is_of_text = false;
    let mut tags = memchr::memchr_iter(b'<', answer).filter_map(|at| answer.get(at + 1..));
    answer.trim_ascii_start().starts_with(b"<")
        && tags.any(|tag| {
            let end = memchr::memchr(b'>', tag).unwrap_or(tag.len());
            let (tag, rest) = (tag.get(..end).unwrap_or_default(), tag.get(end + 1..).unwrap_or_default());
            match tag.first() {
                Some(b'?' | b'!') => {}
                Some(b'/') => depth = depth.saturating_sub(1),
                _ if depth == 3 => return true,
                _ => {
                    depth += u32::from(!tag.ends_with(b"/"));
                    is_of_text = OF_TEXT.contains(&tag);
                }
            }
            let text = memchr::memchr(b'<', rest).and_then(|end| rest.get(..end)).unwrap_or_default();
            depth == 3 && !is_of_text && !text.trim_ascii().is_empty()
        })
}

/// A list that is being read.
#[derive(Debug)]
pub struct List<'a> {
    subject: &'a str,
    action: &'a str,
    limits: Limits,
    began: Instant,
    /// Hashes of the markers so far.
    markers: HashSet<u64>,
    pages: usize,
    empty: usize,
    bytes: u64,
    /// Whether the last answer has a record.
    has_record: bool,
}

impl<'a> List<'a> {
    /// A list about `subject`, by a call that IAM names `action`.
    pub fn new(subject: &'a str, action: &'a str) -> Self {
        Self::within(subject, action, LIMITS)
    }

    fn within(subject: &'a str, action: &'a str, limits: Limits) -> Self {
        let (began, markers) = (Instant::now(), HashSet::new());
        Self { subject, action, limits, began, markers, pages: 0, empty: 0, bytes: 0, has_record: false }
    }

    /// Makes a call of the list.
    ///
    /// # Errors
    ///
    /// When the call fails, or the list takes too much.
    pub async fn ask<P, E>(&mut self, call: impl Future<Output = Result<P, SdkError<E>>>) -> Result<P>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let limits = self.limits;
        let call = RECEIVED.scope(Cell::new((self.bytes, false)), async {
            let answer = call.await;
            (answer, RECEIVED.with(Cell::get))
        });
        let Ok((answer, (bytes, has_record))) = tokio::time::timeout_at(self.began + limits.time, call).await else {
            return Err(self.endless(&format!("{} seconds", limits.time.as_secs())));
        };
        (self.bytes, self.has_record) = (bytes, has_record);
        if bytes > limits.bytes {
            return Err(self.endless(&format!("{} bytes", limits.bytes)));
        }
        answer.map_err(|error| failure(self.subject, self.action, error))
    }

    /// The marker to ask the next page with, after a page of so many records; none where that was the last one.
    ///
    /// # Errors
    ///
    /// When the list does not get any further.
    pub fn follow(&mut self, records: usize, marker: Option<String>) -> Result<Option<String>> {
        if records == 0 && self.has_record {
            let message = format!("{} failed: the response contains only records of an unknown kind", self.action);
            let error = Error::new(ErrorKind::Endpoint, self.subject, message).hint(super::CHECK_ENDPOINT);
            return Err(error.call(self.action, None));
        }
        let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(None) };
        self.pages += 1;
        self.empty = if records == 0 { self.empty + 1 } else { 0 };
        if !self.markers.insert(hash(&marker)) {
            return Err(repeated(self.subject, self.action, &marker));
        }
        if self.empty >= self.limits.empty {
            return Err(self.endless(&format!("{} empty pages in a row", self.limits.empty)));
        }
        if self.pages >= self.limits.pages {
            return Err(self.endless(&format!("{} pages", self.limits.pages)));
        }
        Ok(Some(marker))
    }

    fn endless(&self, bound: &str) -> Error {
        let message = format!("{} failed: the list did not end within {bound}", self.action);
        Error::new(ErrorKind::Endpoint, self.subject, message).hint(super::CHECK_ENDPOINT).call(self.action, None)
    }
}

/// The hash by which a marker is known again. Markers that an endpoint made up to have one hash are an error, no shorter list.
pub fn hash(marker: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    marker.hash(&mut hasher);
    hasher.finish()
}

/// Longest part of a marker that is shown.
const SHOWN: usize = 40;

/// That an endpoint sent a marker for the second time.
pub fn repeated(subject: &str, action: &str, marker: &str) -> Error {
    let shown: String = marker.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let message = format!(
        "{action} failed: the endpoint repeated the marker \"{shown}\", so the rest of the list cannot be read"
    );
    Error::new(ErrorKind::Endpoint, subject, message).hint(super::CHECK_ENDPOINT).call(action, None)
}

/// That an answer came without the list that was asked for.
pub fn no_list(subject: &str, action: &str) -> Error {
    let message = format!("{action} failed: the response contains no list, not even an empty one");
    Error::new(ErrorKind::Endpoint, subject, message).hint(super::CHECK_ENDPOINT).call(action, None)
}

/// That a record of a list came without its name.
pub fn no_name(subject: &str, action: &str) -> Error {
    let message = format!("{action} failed: the response contains a record without a name");
    Error::new(ErrorKind::Endpoint, subject, message).hint(super::CHECK_ENDPOINT).call(action, None)
}

/// Reads a list page by page: `ask` calls with a marker, `take` takes a page and says how many records it held and which
/// marker came with it.
///
/// # Errors
///
/// When any page cannot be had. What `take` was given before is no whole list.
pub async fn pages<P, E, C>(
    subject: &str,
    action: &str,
    mut ask: impl FnMut(Option<String>) -> C,
    mut take: impl FnMut(P) -> (usize, Option<String>),
) -> Result<()>
where
    C: Future<Output = Result<P, SdkError<E>>>,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let mut list = List::new(subject, action);
    let mut marker = None;
    loop {
        let (records, next) = take(list.ask(ask(marker)).await?);
        marker = list.follow(records, next)?;
        if marker.is_none() {
            return Ok(());
        }
    }
}

/// Reads a whole list: `take` splits a page into its records and its marker.
///
/// # Errors
///
/// When any page cannot be had, or an answer holds no list: half a list is not a list.
pub async fn list<P, T, E, C>(
    subject: &str,
    action: &str,
    ask: impl FnMut(Option<String>) -> C,
    mut take: impl FnMut(P) -> (Option<Vec<T>>, Option<String>),
) -> Result<Vec<T>>
where
    C: Future<Output = Result<P, SdkError<E>>>,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let (mut all, mut missing) = (Vec::new(), false);
    pages(subject, action, ask, |page| {
        let (records, marker) = take(page);
        missing |= records.is_none();
        let records = records.unwrap_or_default();
        let count = records.len();
        all.extend(records);
        (count, marker)
    })
    .await?;
    if missing {
        return Err(no_list(subject, action));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::operation::describe_db_instances::DescribeDBInstancesError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

    use super::*;

    const FEW: Limits = Limits { pages: 9, empty: 3, bytes: 1000, time: Duration::from_secs(100) };

    /// Follows a list of pages that `answer` makes of their number: records, bytes, seconds, marker.
    async fn follow(answer: impl Fn(usize) -> (usize, usize, u64, Option<String>)) -> Result<usize, String> {
        let mut list = List::within("eu-west-1", "rds:DescribeDBInstances", FEW);
        for number in 0.. {
            let (records, bytes, seconds, marker) = answer(number);
            let call = async {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                received(&vec![b' '; bytes]);
                Ok::<_, SdkError<DescribeDBInstancesError, HttpResponse>>(())
            };
            list.ask(call).await.map_err(|error| error.to_string())?;
            if list.follow(records, marker).map_err(|error| error.to_string())?.is_none() {
                return Ok(number + 1);
            }
        }
        unreachable!("the list ended")
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_ends_with_its_last_page_or_in_an_error_that_names_the_call() {
        let new = |number: usize| Some(format!("after-{number}"));
        assert_eq!(follow(|number| (1, 10, 1, new(number).filter(|_| number < 7))).await, Ok(8));
        assert_eq!(follow(|number| (number % 2, 0, 0, new(number).filter(|_| number < 7))).await, Ok(8), "empty pages");
        let endless = |bound| {
            Err(format!(
                "eu-west-1: rds:DescribeDBInstances failed: the list did not end within {bound}. Check AWS_ENDPOINT_URL and the \
                 proxy, and run the command again."
            ))
        };
        assert_eq!(follow(|number| (1, 0, 0, new(number))).await, endless("9 pages"));
        assert_eq!(follow(|number| (0, 0, 0, new(number))).await, endless("3 empty pages in a row"));
        assert_eq!(follow(|number| (1, 400, 0, new(number))).await, endless("1000 bytes"));
        assert_eq!(follow(|number| (1, 0, 30, new(number))).await, endless("100 seconds"));
        let circle =
            follow(|number| (1, 0, 0, new(number % 2))).await.expect_err("two markers that lead to each other");
        assert!(circle.contains("repeated the marker \"after-0\""), "{circle}");
    }
}
