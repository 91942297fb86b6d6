//! A log file of an instance, downloaded completely, or page by page where that is not available.

use super::rds_complete::{self, Complete};
use super::rds_portion::{self, LogFile, Portions};
use crate::aws::Aws;
use crate::error::{ErrorKind, Result};

/// A log file that is being read from its beginning.
#[derive(Debug)]
pub struct Download<'a> {
    aws: &'a Aws,
    instance: &'a str,
    file: &'a LogFile,
    source: Source<'a>,
    broke_off: bool,
}

#[derive(Debug)]
enum Source<'a> {
    Unopened,
    Complete(Box<Complete>),
    Portions(Portions<'a>),
}

impl<'a> Download<'a> {
    /// A download by the best way that is open. Nothing is called yet.
    pub fn new(aws: &'a Aws, instance: &'a str, file: &'a LogFile) -> Self {
        Self { aws, instance, file, source: Source::Unopened, broke_off: false }
    }

    /// A download page by page, after the file broke off every time.
    pub fn by_portions(aws: &'a Aws, instance: &'a str, file: &'a LogFile) -> Self {
        aws.log_route.failed();
        Self { source: Source::Portions(Portions::new(aws, instance, file)), ..Self::new(aws, instance, file) }
    }

    /// The number of bytes of the file that came; of pages, the least number that they can stand for.
    pub fn received(&self) -> u64 {
        match &self.source {
            Source::Unopened => 0,
            Source::Complete(complete) => complete.received(),
            Source::Portions(portions) => portions.received(),
        }
    }

    /// Whether the file broke off, and may come whole another time or another way.
    pub fn broke_off(&self) -> bool {
        self.broke_off
    }

    /// The next piece of the log, unpacked; none at its end.
    ///
    /// # Errors
    ///
    /// When the file cannot be had, or breaks off. Where both ways are denied, the error names both permissions.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if matches!(self.source, Source::Unopened) {
            self.source = match Complete::open(self.aws, self.instance, self.file).await? {
                Some(complete) => Source::Complete(Box::new(complete)),
                None => Source::Portions(Portions::new(self.aws, self.instance, self.file)),
            };
        }
        match &mut self.source {
            Source::Unopened => Ok(None),
            Source::Complete(complete) => {
                let piece = complete.next().await;
                match &piece {
                    Ok(Some(_)) => {}
                    Ok(None) => self.aws.log_route.succeeded(),
                    Err(_) => self.broke_off = !complete.overran(),
                }
                piece
            }
            Source::Portions(portions) => portions.next().await.map_err(|error| {
                let both = error.kind() == ErrorKind::Denied && self.aws.log_route.is_denied();
                let hint = || format!("grant the permission {} or {}", rds_portion::ACTION, rds_complete::ACTION);
                if both { error.hint(hint()) } else { error }
            }),
        }
    }
}
