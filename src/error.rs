//! The error of every part: its subject, what happened and why, and what to do next.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use crate::text::one_line;

/// `Result` with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about a failure that may not happen again.
pub const TRY_AGAIN: &str = "run the command again";
/// What to do about a failure that passes with time.
pub const TRY_LATER: &str = "run the command again later";

/// An error, and what caused it.
pub(crate) fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Folders of this machine, and what their content is a copy of.
static COPIES: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// Has errors about files of a folder name what it is a copy of, as `s3://bucket/prefix`: the folder is temporary.
pub(crate) fn is_copy(folder: &Path, original: String) {
    let folder = folder.display().to_string();
    COPIES.write().unwrap_or_else(PoisonError::into_inner).push((folder, original));
}

/// A subject, under the name of what it is a copy of.
fn renamed(subject: String) -> String {
    let copies = COPIES.read().unwrap_or_else(PoisonError::into_inner);
    let original = copies.iter().find_map(|(folder, original)| {
        let rest = subject.strip_prefix(folder.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        Some(format!("{}{rest}", original.trim_end_matches('/')))
    });
    original.unwrap_or(subject)
}

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Invalid command line or policy.
    Usage,
    /// A file, bundle, instance or log does not exist.
    NotFound,
    /// No account, region or instance matches the filters.
    NoMatch,
    /// AWS denied the call: a permission is missing.
    Denied,
    /// There are no AWS credentials, or they have expired.
    Credentials,
    /// AWS kept throttling the call.
    Throttled,
    /// The endpoint could not be reached, or the connection broke.
    Network,
    /// A response or a log was truncated.
    Truncated,
    /// An endpoint violated its API: a response or a list without end, or a repeated marker.
    Endpoint,
    /// A file has no known format, or contains records that cannot be read.
    Format,
    /// Evidence is damaged or missing.
    Integrity,
    /// A bundle was written by an incompatible version of this tool.
    Schema,
    /// A file could not be read or written.
    Io,
    /// AWS returned another error.
    Service,
}

/// What AWS answered to a call that failed. Displays as a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsAnswer {
    /// The message of the error, at most [`AwsAnswer::LONGEST`] characters of it.
    pub message: Option<String>,
    /// The request ID, which AWS Support asks for.
    pub request_id: Option<String>,
}

impl AwsAnswer {
    /// Most characters of a message and of a request ID.
    pub const LONGEST: usize = 600;

    /// What an answer says, without what is empty.
    pub fn new(message: Option<&str>, request_id: Option<&str>) -> Self {
        let text = |text: Option<&str>| Some(one_line(text?, Self::LONGEST)).filter(|text| !text.is_empty());
        Self { message: text(message), request_id: text(request_id) }
    }
}

impl std::fmt::Display for AwsAnswer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.message, &self.request_id) {
            (Some(message), Some(id)) => write!(out, "AWS says: \"{message}\" (request ID {id})"),
            (Some(message), None) => write!(out, "AWS says: \"{message}\""),
            (None, Some(id)) => write!(out, "Request ID: {id}"),
            (None, None) => Ok(()),
        }
    }
}

/// An error. Displays as one line, `subject: what happened. What to do next.`; the cause is in `source()`.
///
/// No message contains text of a log or the body of a response.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Details>);

#[derive(Debug, thiserror::Error)]
#[error("{subject}: {}", self.advice())]
struct Details {
    kind: ErrorKind,
    subject: String,
    message: String,
    hint: Option<String>,
    account: Option<String>,
    region: Option<String>,
    call: Option<String>,
    code: Option<String>,
    answer: Option<AwsAnswer>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    others: Vec<Error>,
}

impl Error {
    /// An error about `subject` (a file, an instance, a region). The message is one clause: no capital, no period.
    pub fn new(kind: ErrorKind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            subject: renamed(subject.into()),
            message: message.into(),
            hint: None,
            account: None,
            region: None,
            call: None,
            code: None,
            answer: None,
            source: None,
            others: Vec::new(),
        }))
    }

    /// Adds what the reader should do next, as an imperative: no capital, no period.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the API call that failed, such as `rds:DescribeDBInstances`, and the error code that it returned.
    #[must_use]
    pub fn call(mut self, call: &str, code: Option<&str>) -> Self {
        self.0.call = Some(call.to_owned());
        self.0.code = code.map(str::to_owned);
        self
    }

    /// Adds what AWS answered.
    #[must_use]
    pub fn answered(mut self, answer: Option<AwsAnswer>) -> Self {
        self.0.answer = answer;
        self
    }

    /// Adds the account and region of the call.
    #[must_use]
    pub fn at(mut self, account: Option<&str>, region: &str) -> Self {
        (self.0.account, self.0.region) = (account.map(str::to_owned), Some(region.to_owned()));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the other errors of a run in which nothing succeeded.
    #[must_use]
    pub fn and(mut self, others: Vec<Self>) -> Self {
        self.0.others = others;
        self
    }

    /// This error and the others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.0.others)
    }

    /// An error of the file system about `path`.
    pub fn io(path: &Path, error: std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Io };
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Self::new(kind, path.display().to_string(), message).because(error)
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file, instance or region that the error is about.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The account and region of the call, where they are known.
    pub fn account_and_region(&self) -> (Option<&str>, Option<&str>) {
        (self.0.account.as_deref(), self.0.region.as_deref())
    }

    /// The API call that failed.
    pub fn called(&self) -> Option<&str> {
        self.0.call.as_deref()
    }

    /// The error code of the API, or the name of the kind of error.
    pub fn code(&self) -> &str {
        self.0.code.as_deref().unwrap_or(self.0.kind.name())
    }

    /// What AWS answered, in its own words.
    pub fn answer(&self) -> Option<&AwsAnswer> {
        self.0.answer.as_ref()
    }

    /// What happened and what to do next, without the subject.
    pub fn advice(&self) -> String {
        self.0.advice()
    }
}

impl Details {
    fn advice(&self) -> String {
        match &self.hint {
            Some(hint) => {
                format!("{}. {}.", self.message.trim_end_matches('.'), capitalized(hint.trim_end_matches('.')))
            }
            None => self.message.clone(),
        }
    }
}

/// A sentence that begins with a capital, unless its first word is a name or an option.
fn capitalized(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    match text.split_at_checked(1).filter(|_| word.bytes().all(|byte| byte.is_ascii_lowercase())) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => text.to_owned(),
    }
}

impl ErrorKind {
    /// The name in reports, where an API returned no code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NotFound | Self::NoMatch => "not-found",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::Throttled => "throttled",
            Self::Network => "network",
            Self::Truncated => "truncated",
            Self::Endpoint => "endpoint",
            Self::Format => "format",
            Self::Integrity => "integrity",
            Self::Schema => "schema",
            Self::Io => "io",
            Self::Service => "service",
        }
    }
}
