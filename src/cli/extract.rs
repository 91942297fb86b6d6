//! `ssl-usage extract`: the events of CloudWatch Logs in files, for engines that sort them.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::output::local_or_s3;
use super::{complain, exit, working_copies};
use crate::error::{Error, Result};
use crate::events::{Damage, Input, LogEvent, VERSION, extract, is_no_object, name_of};

/// Print the events of CloudWatch Logs in files, one per line, for `collect --events`.
///
/// For archives of many files that an engine such as Spark sorts by instance and hour. `collect --logs` needs no such step. Files
/// are those of subscriptions (Firehose), of export tasks and of `aws logs filter-log-events`, compressed or not. An export names
/// its log group only in its path: aws/rds/instance/NAME/postgresql.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage extract firehose > events.ndjson
  ssl-usage collect --events events.ndjson --unfiltered \\
    --inventory evidence -o judged
  ssl-usage extract --object s3://logs/2026/11/23/10/1.json - < 1.json

Exit status: 0 success; 1 error; 2 invalid usage; 3 a file could not be read in full.")]
pub(super) struct Extract {
    /// Files or folders, also in S3; - is standard input.
    #[arg(required = true, value_name = "FILE|DIR|-", value_parser = local_or_s3())]
    paths: Vec<PathBuf>,
    /// Path of the object that standard input contains. It may name an account, a region and a log group.
    #[arg(long, value_name = "PATH")]
    object: Option<String>,
}

impl Extract {
    pub fn run(self) -> Result<u8> {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut errors = Vec::new();
        for path in &self.paths {
            if path == Path::new("-") {
                let object = self.object.as_deref().unwrap_or("-");
                errors.extend(print(object, Input::Stream(Box::new(io::stdin())), &mut out)?);
                continue;
            }
            let folder = match working_copies::log_folder(path) {
                Ok(folder) => folder,
                Err(error) => {
                    damage(&path.to_string_lossy(), &error, &mut out)?;
                    errors.push(error);
                    continue;
                }
            };
            let is_object = |file: &&PathBuf| !is_no_object(file, folder.size(file));
            let objects: Vec<PathBuf> = folder.files().iter().filter(is_object).cloned().collect();
            for (file, fetched) in objects.iter().zip(folder.fetch_all(&objects)) {
                errors.extend(match fetched {
                    Ok(fetched) => print(&name_of(file), Input::File(fetched.path()), &mut out)?,
                    Err(error) => {
                        damage(&name_of(file), &error, &mut out)?;
                        Some(error)
                    }
                });
            }
        }
        printed(out.flush())?;
        errors.iter().for_each(|error| complain(error));
        Ok(if errors.is_empty() { exit::DONE } else { exit::PARTIAL })
    }
}

/// Prints the events of a file. Returns why some are missing.
fn print(object: &str, file: Input<'_>, out: &mut impl Write) -> Result<Option<Error>> {
    let mut written = Ok(());
    let read = extract(object, file, &mut |event: LogEvent| {
        if written.is_ok() {
            written =
                serde_json::to_writer(&mut *out, &event).map_err(io::Error::from).and_then(|()| out.write_all(b"\n"));
        }
    });
    printed(written)?;
    let Err(missing) = read else { return Ok(None) };
    damage(object, &missing, out)?;
    Ok(Some(missing))
}

/// Prints that events are missing: who reads them must know it.
fn damage(object: &str, missing: &Error, out: &mut impl Write) -> Result<()> {
    let damage = Damage { v: VERSION, object: object.to_owned(), damage: missing.advice() };
    printed(serde_json::to_writer(&mut *out, &damage).map_err(io::Error::from).and_then(|()| out.write_all(b"\n")))
}

fn printed(written: io::Result<()>) -> Result<()> {
    written.map_err(|error| Error::io(Path::new("standard output"), error))
}
