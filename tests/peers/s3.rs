//! Bundles and logs in moto's S3, and what it answers beside what the double answers.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::Server;
use super::install::{programs, run};
use crate::command::Run;
use crate::s3::{logs_are_read_as_from_a_folder, with_s3};

/// The AWS CLI against a server.
fn cli(server: &Server) -> Command {
    let mut command = Command::new(programs().join("aws"));
    command.env("AWS_ENDPOINT_URL", server.url()).env("AWS_REGION", "eu-west-1").env_remove("AWS_PROFILE");
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

fn put(server: &Server, folder: &Path, prefix: &str) {
    let url = format!("s3://audit/{prefix}");
    run(cli(server).args(["s3", "cp", "--recursive", "--quiet"]).arg(folder).arg(url)).expect("it is put");
}

#[test]
fn bundles_and_logs_in_moto_are_the_same_as_on_disk() {
    let Some(moto) = Server::moto() else { return };
    run(cli(&moto).args(["s3", "mb", "s3://audit"])).expect("a bucket");
    logs_are_read_as_from_a_folder(&moto.url(), |folder, prefix| put(&moto, folder, prefix));
    let home = TempDir::new().expect("a folder");
    let of = |arguments: &[&str]| Run::of(with_s3(&moto.url(), home.path()).args(arguments));
    let digest = of(&["digest", "s3://audit/of-files"]);
    let compacted = of(&["compact", "s3://audit/of-files"]);
    assert_eq!((compacted.status, of(&["digest", "s3://audit/of-files"]).out), (0, digest.out), "{compacted:?}");
    let missing = of(&["digest", "s3://elsewhere/of-files"]);
    let said = "s3:ListBucket failed: there is no such bucket. Check the name of the bucket. AWS says: \"The specified bucket does not exist\"";
    assert!(missing.status == 1 && missing.err.contains(said), "{missing:?}");
}
