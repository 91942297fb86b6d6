//! The one error of a run: what it is about, what happened, and what to do next.

/// `Result` with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line asks for something that cannot be.
    Usage,
    /// A file, bundle, instance or log does not exist.
    NotFound,
    /// AWS refused the call: a permission is missing.
    Denied,
    /// There are no AWS credentials, or they have expired.
    Credentials,
    /// AWS kept throttling the call.
    Throttled,
    /// The endpoint could not be reached, or the connection broke.
    Network,
    /// An answer was cut short.
    Truncated,
    /// An endpoint sent what the service never sends: an answer or a list without end, or a marker that leads back.
    Endpoint,
    /// A file is of no known format, or holds records that cannot be read.
    Format,
    /// Evidence is damaged or missing: it is not what was written.
    Integrity,
    /// A bundle was written by another version of this tool.
    Schema,
    /// A file could not be read or written.
    Io,
    /// AWS answered with an error of another kind.
    Service,
}

/// An error of the run. Displays as one line, `subject: what happened; what to do next`; the cause is in `source()`.
///
/// No message holds text of a log or the body of an answer.
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
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    others: Vec<Error>,
}

impl Error {
    /// An error about `subject` (a file, an instance, an API call).
    pub fn new(kind: ErrorKind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            subject: subject.into(),
            message: message.into(),
            hint: None,
            account: None,
            region: None,
            call: None,
            code: None,
            source: None,
            others: Vec::new(),
        }))
    }

    /// Adds what the reader should do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the API call that failed, as `rds:DescribeDBInstances`, and the code that it answered.
    #[must_use]
    pub fn call(mut self, call: &str, code: Option<&str>) -> Self {
        self.0.call = Some(call.to_owned());
        self.0.code = code.map(str::to_owned);
        self
    }

    /// Adds the account and region that were asked.
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

    /// Adds what went wrong beside it, of a run in which everything did.
    #[must_use]
    pub fn and(mut self, others: Vec<Self>) -> Self {
        self.0.others = others;
        self
    }

    /// This and what went wrong beside it.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.0.others)
    }

    /// An error of the file system about `path`.
    pub fn io(path: &std::path::Path, error: std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Io };
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Self::new(kind, path.display().to_string(), message).because(error)
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the error is about.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The account and region that were asked, where that is known.
    pub fn place(&self) -> (Option<&str>, Option<&str>) {
        (self.0.account.as_deref(), self.0.region.as_deref())
    }

    /// The API call that failed.
    pub fn called(&self) -> Option<&str> {
        self.0.call.as_deref()
    }

    /// The code that the API answered, or the word for the kind of failure.
    pub fn code(&self) -> &str {
        self.0.code.as_deref().unwrap_or(self.0.kind.name())
    }

    /// What happened and what to do next, without the subject.
    pub fn advice(&self) -> String {
        self.0.advice()
    }
}

impl Details {
    fn advice(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }
}

impl ErrorKind {
    /// The word used in reports where an API gave no code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NotFound => "not-found",
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
