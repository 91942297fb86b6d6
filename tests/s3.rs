//! Bundles and logs in S3: the same evidence as on disk, whatever happens during the run.

use std::path::Path;
use std::process::{Command, Stdio};

use axum::http::Method;
use tempfile::TempDir;

use crate::bundle::two_regions;
use crate::command::{Run, against, samples, ssl_usage};
use crate::copied_events::MACHINE;
use crate::fake_aws::FakeAws;
use crate::fake_s3::{FakeS3, Refuse};
use crate::fleet::WINDOW;
use crate::network::{Answer, Ca, Proxy};

/// The command, which finds S3 here.
pub fn with_s3(url: &str, home: &Path) -> Command {
    let mut command = ssl_usage(home);
    command.env("AWS_ENDPOINT_URL_S3", url).env("TMPDIR", home);
    command
}

fn judged(s3: &str, home: &Path, bundle: &str) -> Run {
    Run::of(with_s3(s3, home).args(["analyze", "--format", "json", "--from", bundle]).args(WINDOW))
}

fn collect(aws: &FakeAws, s3: &FakeS3, home: &Path, output: &str) -> Command {
    let mut command = against(aws, home);
    command.env("AWS_ENDPOINT_URL_S3", s3.url()).env("TMPDIR", home);
    command.args(["collect", "--region", "eu-west-1", "--region", "us-east-1", "-o", output]).args(WINDOW);
    command
}

/// What is left of copies on this machine.
fn copies(home: &Path) -> Vec<String> {
    let names = home.read_dir().expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with("ssl-usage-")).collect()
}

/// Every command says of a bundle in S3 what it says of the same on disk. `s3` holds the sample below `fleet`.
fn is_the_same_as_on_disk(s3: &str) {
    let home = TempDir::new().expect("a folder");
    let commands: [&[&str]; 7] = [
        &["analyze", "--format", "json", "--from"],
        &["analyze", "--format", "csv", "--from"],
        &["clients", "--format", "csv", "--from"],
        &["plan", "--format", "json", "--from"],
        &["preflight", "--format", "json", "--from"],
        &["digest", "--format", "json"],
        &["diff", "--format", "json", "fleet"],
    ];
    for arguments in commands {
        let run = |bundle: &str| {
            let run = Run::of(with_s3(s3, home.path()).args(arguments).arg(bundle));
            (run.status, run.out.replace("s3://audit/fleet", "fleet"), run.err.replace("s3://audit/fleet", "fleet"))
        };
        assert_eq!(run("s3://audit/fleet"), run("fleet"), "{arguments:?}");
        assert!(!run("fleet").1.is_empty(), "{arguments:?}");
    }
    assert!(copies(home.path()).is_empty(), "{:?}", copies(home.path()));
}

#[test]
fn a_bundle_in_s3_is_the_same_as_on_disk() {
    let s3 = FakeS3::start("eu-west-1");
    s3.put_folder(&samples().join("fleet"), "fleet");
    is_the_same_as_on_disk(&s3.url());
    assert!(s3.writes().is_empty(), "{:?}", s3.writes());
}

#[test]
fn three_first_collections_at_once_make_one_bundle_in_s3() {
    let (aws, s3) = (FakeAws::start(two_regions()), FakeS3::start("eu-west-1"));
    let home = TempDir::new().expect("a folder");
    let alone = home.path().join("alone").display().to_string();
    assert_eq!(Run::of(&mut collect(&aws, &s3, home.path(), &alone)).status, 0);
    let expected = judged(&s3.url(), home.path(), &alone);
    assert_eq!(expected.status, 0, "{expected:?}");
    let start = |_| {
        let mut command = collect(&aws, &s3, home.path(), "s3://audit/kept");
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let started: Vec<_> = (0..3).map(start).collect();
    for child in started {
        let ended = child.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let together = judged(&s3.url(), home.path(), "s3://audit/kept");
    assert_eq!((together.status, together.json()), (0, expected.json()));
    let before = s3.keys().len();
    let compacted = Run::of(with_s3(&s3.url(), home.path()).args(["compact", "s3://audit/kept"]));
    assert_eq!((compacted.status, s3.keys().len() < before), (0, true), "{compacted:?}");
    assert_eq!(judged(&s3.url(), home.path(), "s3://audit/kept").json(), expected.json());
    assert!(copies(home.path()).is_empty(), "{:?}", copies(home.path()));
}

#[test]
fn without_the_permission_to_delete_a_bundle_stays_as_it_is_and_the_error_says_so() {
    let (aws, s3) = (FakeAws::start(two_regions()), FakeS3::start("eu-west-1"));
    let home = TempDir::new().expect("a folder");
    for now in ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"] {
        let mut command = against(&aws, home.path());
        command.env("AWS_ENDPOINT_URL_S3", s3.url()).args(["collect", "--days", "3", "--now", now]);
        assert_eq!(Run::of(command.args(["-o", "s3://audit/kept"])).status, 0);
    }
    let before = judged(&s3.url(), home.path(), "s3://audit/kept").json();
    s3.refuse(|method, _| (method == Method::DELETE).then_some((403, "AccessDenied", "Access Denied")));
    let compacted = Run::of(with_s3(&s3.url(), home.path()).args(["compact", "s3://audit/kept"]));
    assert_eq!(compacted.status, 3, "{compacted:?}");
    assert!(
        compacted.err.contains("s3:DeleteObject failed: AWS denied the call. Grant the permission s3:DeleteObject"),
        "{compacted:?}"
    );
    assert_eq!(judged(&s3.url(), home.path(), "s3://audit/kept").json(), before);
    let mut command = against(&aws, home.path());
    command.env("AWS_ENDPOINT_URL_S3", s3.url()).args(["collect", "--days", "3", "--now", "2026-11-23T01:00:00Z"]);
    let collected = Run::of(command.args(["-o", "s3://audit/kept"]));
    assert!(collected.status == 0 && collected.err.contains("s3:DeleteObject failed"), "{collected:?}");
}

#[test]
fn a_writer_that_is_killed_leaves_a_bundle_without_its_parts() {
    let (aws, s3) = (FakeAws::start(two_regions()), FakeS3::start("eu-west-1"));
    let home = TempDir::new().expect("a folder");
    s3.refuse(|method, key| {
        let refused = method == Method::PUT && key.contains("/parts/") && key.ends_with(".json");
        refused.then_some((403, "AccessDenied", "Access Denied"))
    });
    let killed = Run::of(&mut collect(&aws, &s3, home.path(), "s3://audit/kept"));
    assert_eq!(killed.status, 1, "{killed:?}");
    assert!(
        killed.err.contains("s3://audit/kept: the evidence could not be saved in S3. It is kept in "),
        "{killed:?}"
    );
    assert!(
        killed.err.contains("s3:PutObject failed: AWS denied the call. Grant the permission s3:PutObject"),
        "{killed:?}"
    );
    let keys = s3.keys();
    assert!(keys.iter().any(|key| key.ends_with(".readings.parquet")), "{keys:?}");
    let lists = |key: &&String| String::from_utf8_lossy(&s3.get(key)).contains("parts/");
    let records: Vec<_> = keys.iter().filter(|key| key.contains("/collections/")).collect();
    assert!(!records.is_empty() && !records.iter().any(lists), "a record lists parts that are not there: {keys:?}");
    // What could not be saved is there, and whole.
    let kept =
        killed.err.split("It is kept in ").nth(1).and_then(|rest| rest.split(". Use it").next()).expect("a path");
    let kept = judged(&s3.url(), home.path(), kept);
    assert_eq!(kept.status, 0, "{kept:?}");
    // Those without logs have no verdict that the missing parts would make milder.
    let broken = judged(&s3.url(), home.path(), "s3://audit/kept").json();
    let instances = broken["instances"].as_array().expect("instances");
    assert!(instances.iter().all(|instance| instance["usage"] != "not_observed"), "{broken:#}");
    s3.refuse(|_, _| None);
    let again = Run::of(&mut collect(&aws, &s3, home.path(), "s3://audit/kept"));
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(judged(&s3.url(), home.path(), "s3://audit/kept").json(), kept.json());
}

#[test]
fn a_denial_names_the_permission_and_the_request() {
    let home = TempDir::new().expect("a folder");
    let cases: [(Refuse, &str); 3] = [
        (
            |method, key| (method == Method::GET && key.is_empty()).then_some((403, "AccessDenied", "Access Denied")),
            "s3:ListBucket failed: AWS denied the call. Grant the permission s3:ListBucket. AWS says: \"Access Denied\" (request ID 4442587FB7D0A2F9)",
        ),
        (
            |method, key| {
                (method == Method::GET && key.ends_with("bundle.json")).then_some((
                    403,
                    "AccessDenied",
                    "Access Denied",
                ))
            },
            "s3://audit/fleet/bundle.json: s3:GetObject failed: AWS denied the call. Grant the permission s3:GetObject",
        ),
        (
            |method, _| {
                (method == Method::PUT).then_some((403, "AccessDenied", "User: arn:aws:iam::123456789012:role/audit is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:123456789012:key/1 because no identity-based policy allows the kms:GenerateDataKey action"))
            },
            "s3:PutObject failed: AWS denied the call. Grant the permission kms:GenerateDataKey",
        ),
    ];
    for (refuse, said) in cases {
        let (aws, s3) = (FakeAws::start(two_regions()), FakeS3::start("eu-west-1"));
        s3.put_folder(&samples().join("fleet"), "fleet");
        s3.refuse(refuse);
        let run = match said.starts_with("s3:PutObject") {
            true => Run::of(&mut collect(&aws, &s3, home.path(), "s3://audit/kept")),
            false => judged(&s3.url(), home.path(), "s3://audit/fleet"),
        };
        assert!(run.status == 1 && run.err.contains(said), "{said}: {run:?}");
    }
}

#[test]
fn a_bucket_in_another_region_is_found_through_a_proxy_with_a_private_ca() {
    let s3 = FakeS3::start("eu-central-1");
    s3.put_folder(&samples().join("fleet"), "fleet");
    let home = TempDir::new().expect("a folder");
    let ca = Ca::new("Example Corp CA");
    let hosts = ["s3.eu-west-1.amazonaws.com", "audit.s3.eu-central-1.amazonaws.com"];
    let front = ca.front(&hosts, 2099, s3.address);
    let proxy = Proxy::start(Answer::Through(front));
    let bundle = home.path().join("corp.pem");
    std::fs::write(&bundle, ca.pem()).expect("a file");
    let mut command = ssl_usage(home.path());
    command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", proxy.url("")).env("AWS_CA_BUNDLE", &bundle);
    let run = Run::of(command.env("TMPDIR", home.path()).args(["digest", "s3://audit/fleet"]));
    let local = Run::of(ssl_usage(home.path()).args(["digest", "fleet"]));
    assert_eq!((run.status, run.out.replace("s3://audit/fleet", "fleet")), (0, local.out), "{}", run.err);
    let mut expected = hosts.map(|host| format!("{host}:443"));
    expected.sort_unstable();
    assert_eq!(proxy.hosts(), expected);
}

#[test]
fn what_is_no_bundle_in_s3_is_an_error_that_says_what_to_do() {
    let s3 = FakeS3::start("eu-west-1");
    s3.put("other/report.csv", b"x".to_vec());
    // Names that lead elsewhere are not of a bundle.
    s3.put("odd/parts/..%2F..%2Fx.json", b"x".to_vec());
    let home = TempDir::new().expect("a folder");
    let other = "s3://audit/other: no evidence bundle has this prefix, but other objects have it. Check the prefix, or choose a new one.";
    for (bundle, status, said) in [
        ("s3://audit/none", 1, "s3://audit/none: no such bundle. Create one with `ssl-usage collect -o BUNDLE`."),
        ("s3://audit/other", 2, other),
        ("s3://elsewhere/fleet", 1, "s3:ListBucket failed: there is no such bucket. Check the name of the bucket"),
        ("s3://UPPER/fleet", 2, "the name of a bucket has 3 to 63 lowercase letters"),
        ("s3://audit/../fleet", 2, "the prefix has empty words, . or .."),
        ("https://audit/fleet", 2, "use a local path, or s3://BUCKET/PREFIX"),
        ("s3:/audit/fleet", 2, "use a local path, or s3://BUCKET/PREFIX"),
        ("arn:aws:s3:::audit/fleet", 2, "use a local path, or s3://BUCKET/PREFIX"),
    ] {
        let run = judged(&s3.url(), home.path(), bundle);
        assert!(run.err.contains(said), "{bundle}: {run:?}");
        assert_eq!(run.status, status, "{bundle}: {run:?}");
    }
    assert!(copies(home.path()).is_empty(), "{:?}", copies(home.path()));
}

/// Logs in S3 give the report of the same logs in a folder, byte for byte, as copies of RDS files, as exports and as objects of
/// Firehose; in one bundle, whatever is read again. `put` puts a folder below a prefix.
pub fn logs_are_read_as_from_a_folder(s3: &str, put: impl Fn(&Path, &str)) {
    let home = TempDir::new().expect("a folder");
    let machine = &*MACHINE;
    put(&machine.home.path().join("inventory"), "inventory");
    for (layout, options) in [("firehose", &["--unfiltered"][..]), ("export", &[]), ("files", &[])] {
        let logs = home.path().join(layout);
        match layout {
            "firehose" => machine.firehose(&logs),
            "export" => machine.export(&logs),
            _ => machine.files(&logs),
        }
        put(&logs, layout);
        let collect = |logs: &str, output: &str, inventory: Option<String>| {
            let mut command = with_s3(s3, home.path());
            command.args(["collect", "--quiet", "--logs", logs, "-o", output]).args(options);
            let run = Run::of(command.args(inventory.iter().flat_map(|inventory| ["--inventory", inventory])));
            assert_eq!((run.status, run.err.as_str()), (0, ""), "{layout}: {run:?}");
        };
        let local = home.path().join(format!("of-{layout}")).display().to_string();
        let inventory = machine.home.path().join("inventory").display().to_string();
        collect(&logs.display().to_string(), &local, Some(inventory));
        let (prefix, remote) = (format!("s3://audit/{layout}"), format!("s3://audit/of-{layout}"));
        collect(&prefix, &remote, Some("s3://audit/inventory".to_owned()));
        // What was read already adds nothing.
        collect(&prefix, &remote, None);
        let report = |command: &str, format: &str, bundle: &str| {
            let mut run = with_s3(s3, home.path());
            let run = Run::of(run.args([command, "--format", format, "--from", bundle]).args(WINDOW));
            (run.status, run.out, run.err)
        };
        for (command, format) in [("analyze", "json"), ("analyze", "csv"), ("clients", "csv")] {
            assert_eq!(
                report(command, format, &remote),
                report(command, format, &local),
                "{layout}: {command} {format}"
            );
        }
        let sessions = report("clients", "csv", &local).1.lines().count();
        assert!(sessions > 2, "{layout}: {sessions} lines of clients");
        let extracted = Run::of(with_s3(s3, home.path()).args(["extract", &prefix]));
        let lines = extracted.out.lines().filter(|line| line.contains("\"message\"")).count();
        assert_eq!(lines > 0, layout != "files", "{layout}: {lines} events");
    }
    assert!(copies(home.path()).is_empty(), "{:?}", copies(home.path()));
}

#[test]
fn logs_in_s3_are_read_as_from_a_folder() {
    let s3 = FakeS3::start("eu-west-1");
    logs_are_read_as_from_a_folder(&s3.url(), |folder, prefix| s3.put_folder(folder, prefix));
}

#[test]
fn an_object_that_cannot_be_read_is_a_gap() {
    let s3 = FakeS3::start("eu-west-1");
    let (home, machine) = (TempDir::new().expect("a folder"), &*MACHINE);
    s3.put_folder(&machine.home.path().join("inventory"), "inventory");
    for (layout, options) in [("firehose", &["--unfiltered"][..]), ("files", &[])] {
        let logs = home.path().join(layout);
        if layout == "files" {
            machine.files(&logs)
        } else {
            machine.firehose(&logs)
        }
        s3.refuse(|_, _| None);
        s3.put_folder(&logs, layout);
        // The last object in the order of the keys.
        s3.refuse(|method, key| {
            let is_last = key == "firehose/2026/11/23/00/stream-0-0.gz" || key.starts_with("files/reports-batch/");
            (method == Method::GET && is_last).then_some((
                403,
                "InvalidObjectState",
                "The operation is not valid for the object's storage class",
            ))
        });
        let mut command = with_s3(&s3.url(), home.path());
        let output = home.path().join(format!("of-{layout}")).display().to_string();
        command.args(["collect", "--quiet", "--logs", &format!("s3://audit/{layout}"), "-o", &output]).args(options);
        let run = Run::of(command.args(["--inventory", "s3://audit/inventory"]));
        assert_eq!(run.status, 3, "{layout}: {run:?}");
        assert!(
            run.err.contains("s3:GetObject failed: the object is archived. Restore it from S3 Glacier first"),
            "{run:?}"
        );
        let report = judged(&s3.url(), home.path(), &output).json();
        let instances = report["instances"].as_array().expect("instances");
        let batch = instances.iter().find(|instance| instance["instance"] == "reports-batch").expect("the instance");
        assert_ne!(batch["usage"], "not_observed", "{layout}: {batch:#}");
    }
}

/// What `collect --logs` of a folder or a prefix ends with, and what is then said of an instance.
fn judged_logs(s3: &FakeS3, home: &Path, logs: &str, instance: &str) -> (Run, serde_json::Value) {
    let output = home.join("judged").display().to_string();
    let _ = std::fs::remove_dir_all(&output);
    let inventory = MACHINE.home.path().join("inventory").display().to_string();
    let mut command = with_s3(&s3.url(), home);
    let run = Run::of(command.args(["collect", "--quiet", "--logs", logs, "--inventory", &inventory, "-o", &output]));
    let report = judged(&s3.url(), home, &output).json();
    let found = report["instances"].as_array().expect("instances").iter().find(|row| row["instance"] == instance);
    (run, found.expect("the instance").clone())
}

#[test]
fn an_object_that_is_cut_or_unreadable_beside_logs_without_tls_is_a_gap() {
    let s3 = FakeS3::start("eu-west-1");
    let home = TempDir::new().expect("a folder");
    let logs = home.path().join("logs");
    MACHINE.files(&logs);
    s3.put_folder(&logs, "logs");
    let (whole, batch) = judged_logs(&s3, home.path(), "s3://audit/logs", "reports-batch");
    assert_eq!((whole.status, &batch["usage"]), (0, &"not_observed".into()), "{whole:?}");
    // The only object with events, in the folder of an instance.
    let events = r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/aws/rds/instance/reports-batch/postgresql","logStream":"reports-batch.0","subscriptionFilters":["all"],"logEvents":[{"id":"1","timestamp":1795348680000,"message":"x"}]}"#;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, events.as_bytes()).expect("written");
    let packed = packed.finish().expect("whole");
    for cut in [15, 40, packed.len() * 3 / 4] {
        let object = logs.join("reports-batch/2026/11/22/logs-1.gz");
        std::fs::create_dir_all(object.parent().expect("a folder")).expect("a folder");
        std::fs::write(&object, &packed[..cut]).expect("a file");
        s3.put("logs/reports-batch/2026/11/22/logs-1.gz", packed[..cut].to_vec());
        // One of them in S3, too: reading is the same.
        let places = [logs.display().to_string(), "s3://audit/logs".to_owned()];
        for place in places.into_iter().take(if cut == 40 { 2 } else { 1 }) {
            let (run, batch) = judged_logs(&s3, home.path(), &place, "reports-batch");
            assert_eq!(run.status, 3, "{cut} {place}: {run:?}");
            assert!(run.err.contains("logs-1.gz"), "{cut} {place}: {run:?}");
            assert_ne!(batch["usage"], "not_observed", "{cut} {place}: {batch:#}");
        }
    }
    s3.put("logs/reports-batch/2026/11/22/logs-1.gz", packed);
    s3.refuse(|method, key| {
        (method == Method::GET && key.ends_with("logs-1.gz")).then_some((403, "AccessDenied", "Access Denied"))
    });
    let (run, batch) = judged_logs(&s3, home.path(), "s3://audit/logs", "reports-batch");
    assert!(run.status == 3 && run.err.contains("s3:GetObject"), "{run:?}");
    assert_ne!(batch["usage"], "not_observed", "{batch:#}");
}

#[test]
fn an_object_that_changes_after_it_was_listed_is_a_gap() {
    let s3 = FakeS3::start("eu-west-1");
    let home = TempDir::new().expect("a folder");
    let logs = home.path().join("logs");
    MACHINE.files(&logs);
    s3.put_folder(&logs, "logs");
    let key =
        s3.keys().into_iter().find(|key| key.contains("reports-batch/error/postgresql.log.2026-11-2")).expect("a log");
    s3.halve(key.leak());
    let (run, batch) = judged_logs(&s3, home.path(), "s3://audit/logs", "reports-batch");
    assert!(run.status == 3 && run.err.contains("bytes when it was listed, and "), "{run:?}");
    assert_ne!(batch["usage"], "not_observed", "{batch:#}");
}

#[test]
fn a_bundle_that_lost_its_records_stays_in_doubt_when_logs_are_added() {
    let s3 = FakeS3::start("eu-west-1");
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("broken");
    crate::sealing::copy_bundle(&samples().join("fleet"), &bundle, |path| {
        let folder = path.parent().and_then(Path::file_name).expect("a folder");
        folder != "collections" && folder != "metrics"
    });
    let logs = home.path().join("logs");
    MACHINE.files(&logs);
    let doubts = || {
        let report = judged(&s3.url(), home.path(), &bundle.display().to_string()).json();
        let instances = report["instances"].as_array().expect("instances").clone();
        instances.iter().filter(|row| row["rotation"] == "required").count()
    };
    let before = doubts();
    let mut command = with_s3(&s3.url(), home.path());
    command.args(["collect", "--quiet", "--logs"]).arg(&logs).arg("-o").arg(&bundle);
    let _ = Run::of(&mut command);
    assert!(doubts() >= before, "{} of {before}", doubts());
    let digest = Run::of(with_s3(&s3.url(), home.path()).arg("digest").arg(&bundle));
    assert_eq!((digest.status, digest.out.as_str()), (3, ""), "{digest:?}");
}

#[test]
fn a_conflict_of_writes_passes_and_a_page_is_no_list() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CONFLICTS: AtomicU32 = AtomicU32::new(0);
    let (aws, s3) = (FakeAws::start(two_regions()), FakeS3::start("eu-west-1"));
    let home = TempDir::new().expect("a folder");
    s3.refuse(|method, key| {
        let is_hit =
            method == Method::PUT && key.ends_with("bundle.json") && CONFLICTS.fetch_add(1, Ordering::Relaxed) < 2;
        is_hit.then_some((
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        ))
    });
    let run = Run::of(&mut collect(&aws, &s3, home.path(), "s3://audit/kept"));
    assert_eq!((run.status, s3.keys().contains(&"kept/bundle.json".to_owned())), (0, true), "{run:?}");
    assert!(CONFLICTS.load(Ordering::Relaxed) > 1, "there were conflicts");
    // A page of a network that wants a sign-in.
    s3.refuse(|method, key| (method == Method::GET && key.is_empty()).then_some((200, "Page", "Sign in")));
    let page = judged(&s3.url(), home.path(), "s3://audit/kept");
    assert!(page.status == 1 && page.err.contains("the response is not a complete response of the S3 API"), "{page:?}");
}

#[test]
fn objects_that_are_not_of_a_bundle_harm_nothing() {
    let s3 = FakeS3::start("eu-west-1");
    s3.put_folder(&samples().join("fleet"), "fleet");
    let part = s3.keys().into_iter().find(|key| key.contains("/parts/") && key.ends_with(".json")).expect("a part");
    for odd in
        [format!("{part}.removed"), "fleet/parts/A.txt".to_owned(), format!("fleet/parts/{}.json", "y".repeat(300))]
    {
        s3.put(&odd, b"x".to_vec());
    }
    let home = TempDir::new().expect("a folder");
    let compacted = Run::of(with_s3(&s3.url(), home.path()).args(["compact", "s3://audit/fleet"]));
    assert_eq!((compacted.status, compacted.err.as_str()), (0, ""), "{compacted:?}");
    let of =
        |bundle: &str| Run::of(with_s3(&s3.url(), home.path()).args(["digest", bundle])).out.replace("s3://audit/", "");
    assert_eq!(of("s3://audit/fleet"), of("fleet"));
    s3.put("fleet/parts/../../evil.json", b"x".to_vec());
    let odd = judged(&s3.url(), home.path(), "s3://audit/fleet");
    assert!(odd.status == 1 && odd.err.contains("a key is not supported"), "{odd:?}");
}
