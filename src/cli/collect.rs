//! `ssl-usage collect`: gather the evidence now, judge later. And what `analyze` shares with it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::complain;
use super::exit;
use super::progress::Bar;
use crate::bundle::{Bundle, Scope, load};
use crate::collect::{Request, Source, collect};
use crate::error::{Error, ErrorKind, Result};
use crate::window::Window;

/// Gather the evidence of a fleet into a bundle, to be judged later.
///
/// Calls that only read are made, with the credentials of the environment: rds:DescribeDBInstances, DescribeDBClusters,
/// DescribeDBParameters, DescribeDBClusterParameters, DescribeDBEngineVersions, DescribeCertificates,
/// DescribePendingMaintenanceActions, DescribeDBLogFiles and DownloadDBLogFilePortion; and, for logs that are exported to
/// CloudWatch Logs, logs:DescribeLogGroups, DescribeLogStreams, FilterLogEvents and GetLogEvents. No log is written to disk. Run
/// again, it reads only what is new: on a schedule, the bundle remembers more than the instances keep.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage collect -o evidence
  ssl-usage collect --region eu-west-1 --region eu-central-1 --days 7 -o evidence
  ssl-usage analyze --from evidence")]
pub(super) struct Collect {
    #[command(flatten)]
    fleet: Fleet,
    /// The bundle to write into; made if there is none yet.
    #[arg(short, long, value_name = "BUNDLE")]
    output: PathBuf,
}

/// Which instances, and how far back.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    /// Days to look back.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// AWS region; may be given more than once. Else the one of the environment or the profile.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Profile of the AWS configuration files.
    #[arg(long)]
    pub profile: Option<String>,
    /// Only this instance; may be given more than once.
    #[arg(long, value_name = "ID")]
    pub instance: Vec<String>,
    /// Where logs are read: RDS's own files, what is exported to CloudWatch Logs, or files first and CloudWatch Logs for
    /// what they do not show.
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    pub source: Source,
    /// Query log groups of the class Infrequent Access, which cannot be read otherwise. AWS charges for what is scanned.
    #[arg(long)]
    pub insights: bool,
    /// Pretend that it is this time, as 2026-11-23T00:00:00Z, so that a run can be repeated.
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
}

impl Collect {
    pub fn run(self) -> Result<u8> {
        let now = self.fleet.gather(&self.output)?;
        let evidence = load(&[self.output], Scope::TakenAt(now))?;
        for error in &evidence.errors {
            complain(&format!("{}: {}", error.subject, error.message));
        }
        Ok(if evidence.errors.is_empty() { exit::DONE } else { exit::PARTIAL })
    }
}

impl Fleet {
    /// Collects into the bundle at `path`; returns the time under which the inventory stands there.
    ///
    /// A region that cannot be asked does not keep the others from it: it is complained of, and an error of the run only
    /// when there is no other.
    pub fn gather(&self, path: &std::path::Path) -> Result<Timestamp> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        let bundle = Bundle::create(path)?;
        let request = Request {
            instances: self.instance.clone(),
            window: Window::days_before(now, self.days),
            source: self.source,
            insights: self.insights,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
            Error::new(ErrorKind::Io, "threads", "this machine lets no more be started").because(error)
        })?;
        let bar = Arc::new(Bar::new());
        let regions = match self.region.as_slice() {
            [] => vec![None],
            named => named.iter().map(|region| Some(region.as_str())).collect(),
        };
        runtime.block_on(async {
            let mut failed = Vec::new();
            for region in &regions {
                let done = match crate::aws::connect(self.profile.as_deref(), *region).await {
                    Ok(aws) => collect(&aws, &request, &bundle, Arc::clone(&bar) as _).await,
                    Err(error) => Err(error),
                };
                failed.extend(done.err());
            }
            if failed.len() < regions.len() {
                for error in &failed {
                    bundle.write_failure(now, error)?;
                }
                return Ok(now);
            }
            Err(failed.remove(0))
        })
    }
}
