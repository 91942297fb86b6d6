//! Progress of a long run. The library never writes to a terminal.

use std::time::Duration;

use crate::error::Error;

/// A call of an API over HTTP that ended. Every attempt is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    /// Service and action, as IAM names them: `rds:DescribeDBInstances`. Calls without a signature, as those for
    /// credentials, have the method and the host.
    pub action: String,
    /// The region in the signature's scope.
    pub region: Option<String>,
    /// The HTTP status; none without a response.
    pub status: Option<u16>,
    /// The ID that AWS gave the request.
    pub request_id: Option<String>,
    /// How long it took until the response began.
    pub duration: Duration,
    /// The number of this attempt, and the most that are made; none where the SDK does not say.
    pub attempt: Option<(u32, u32)>,
}

/// Receives the progress of a collection. Called from many tasks.
pub trait Progress: Send + Sync {
    /// So many instances are to be read.
    fn begin(&self, instances: usize);
    /// A log of an instance is being read.
    fn log(&self, instance: &str, log: &str);
    /// A log was read, at least in part.
    fn log_read(&self);
    /// So many bytes more have been read.
    fn bytes(&self, bytes: u64);
    /// Something went wrong that the job goes on without, and that is in no report.
    fn warn(&self, error: &Error);
    /// An instance is done.
    fn done(&self, instance: &str);
    /// A call of an API ended.
    fn call(&self, call: &ApiCall);
    /// A call waits because of the rate limit of its action.
    fn waits(&self, action: &str, wait: Duration);
    /// AWS throttled a call, which is made again after a wait.
    fn throttled(&self, action: &str, wait: Duration);
}

/// Ignores all progress.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: usize) {}
    fn log(&self, _: &str, _: &str) {}
    fn log_read(&self) {}
    fn bytes(&self, _: u64) {}
    fn warn(&self, _: &Error) {}
    fn done(&self, _: &str) {}
    fn call(&self, _: &ApiCall) {}
    fn waits(&self, _: &str, _: Duration) {}
    fn throttled(&self, _: &str, _: Duration) {}
}
