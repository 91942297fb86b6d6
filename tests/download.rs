//! Logs that come whole, by the REST call: the same report as by portions, or a named hole, whatever happens on the way.

use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, LogFile};
use crate::fleet::{WINDOW, fleet_by_portions, small_fleet};

const WHOLE: &str = "DownloadCompleteDBLogFile";
const PORTION: &str = "DownloadDBLogFilePortion";
/// An instance with a log an hour, 219 sessions in them, none with TLS.
const INSTANCE: &str = "reports-batch";
const LOG: &str = "error/postgresql.log.2026-11-21-05";
/// Calls that may be made in vain before all who ask at the same time know that they are.
const FEW: usize = 16;
/// A session with TLS, as PostgreSQL 15 logs it with RDS's prefix.
const TLS: &str = "2026-11-21 05:59:40 UTC:10.0.0.9(5):app@orders:[77]:LOG:  connection authorized: user=app database=orders application_name=x SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n";

fn analyze(aws: &FakeAws) -> Run {
    let home = TempDir::new().expect("a folder");
    Run::of(against(aws, home.path()).args(["analyze", "--format", "json", "--instance", INSTANCE]).args(WINDOW))
}

/// How often an action was called.
fn calls(aws: &FakeAws, action: &str) -> usize {
    aws.calls().iter().filter(|call| call.action == action).count()
}

fn log(fleet: &mut Fleet) -> &mut LogFile {
    fleet.instance(INSTANCE).files.get_mut(LOG).expect("a log an hour")
}

fn only(report: &Value) -> &Value {
    assert_eq!(report["instances"].as_array().map(Vec::len), Some(1), "{report:#}");
    &report["instances"][0]
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    GzEncoder::new(text, Compression::fast()).read_to_end(&mut packed).expect("packs");
    packed
}

#[test]
fn whole_files_and_portions_give_the_same_report() {
    let home = TempDir::new().expect("a folder");
    let all = |fleet: Fleet| {
        let aws = FakeAws::start(fleet);
        let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
        assert_eq!(run.status, 0, "{run:?}");
        std::fs::remove_dir_all(home.path().join(".local")).expect("a bundle");
        (run.json(), calls(&aws, WHOLE), calls(&aws, PORTION))
    };
    let (whole, files, portions) = all(small_fleet());
    assert!(files > 400 && portions == 0, "{files} {portions}");
    let (chunked, ..) = all(Fleet { complete_chunked: true, ..small_fleet() });
    assert_eq!(chunked, whole);
    let (pages, probes, portions) = all(fleet_by_portions());
    assert_eq!(pages, whole);
    assert!(probes <= 2 * FEW && portions > 400, "{probes} {portions}");
}

#[test]
fn trouble_with_whole_files_changes_nothing() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    let troubles = [
        (FaultKind::Throttle, Calls::First(2)),
        (FaultKind::InternalError, Calls::First(1)),
        (FaultKind::ServiceUnavailable, Calls::First(2)),
        (FaultKind::Reset, Calls::First(1)),
        (FaultKind::CutBody, Calls::First(1)),
        (FaultKind::CutBody, Calls::First(2)),
        (FaultKind::CutBodyAfter(0), Calls::First(1)),
        (FaultKind::CutBodyAfter(100), Calls::First(3)),
        // One file that is never to be had whole.
        (FaultKind::CutBodyAfter(100), Calls::Every),
        (FaultKind::InternalError, Calls::Every),
        (FaultKind::Reset, Calls::Every),
        (FaultKind::Html200, Calls::Every),
    ];
    for (kind, times) in troubles {
        let cut = matches!(kind, FaultKind::CutBody | FaultKind::CutBodyAfter(_));
        for chunked in [false, true].into_iter().filter(|chunked| cut || !chunked) {
            let aws = FakeAws::start(Fleet { complete_chunked: chunked, ..small_fleet() });
            aws.fault(Fault::new(kind).on(WHOLE).of(LOG).at(times));
            let run = analyze(&aws);
            assert_eq!((run.status, run.json()), (0, clean.clone()), "{kind:?} {times:?} {chunked}: {}", run.err);
            let whole = calls(&aws, WHOLE);
            assert!((73..=72 + FEW).contains(&whole), "{kind:?} {times:?}: {whole}");
        }
    }
}

#[test]
fn a_region_without_the_newer_path_is_asked_by_the_older_one() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    let aws = FakeAws::start(Fleet { complete_versions: vec!["v13".to_owned()], ..small_fleet() });
    assert_eq!(analyze(&aws).json(), clean);
    let whole = calls(&aws, WHOLE);
    assert!((73..=72 + FEW).contains(&whole) && calls(&aws, PORTION) == 0, "it is remembered: {whole}");
    let aws = FakeAws::start(fleet_by_portions());
    assert_eq!(analyze(&aws).json(), clean);
    assert!(calls(&aws, WHOLE) <= FEW && calls(&aws, PORTION) == 72, "it is remembered");
}

#[test]
fn without_the_permission_portions_are_read_and_nothing_is_said() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::AccessDenied).on(WHOLE).at(Calls::Every));
    let run = analyze(&aws);
    assert_eq!((run.status, run.json(), run.err.contains(WHOLE)), (0, clean, false), "{}", run.err);
    assert!(calls(&aws, WHOLE) <= FEW, "it is remembered");
    aws.fault(Fault::new(FaultKind::AccessDenied).on(PORTION).at(Calls::Every));
    let run = analyze(&aws);
    let both = "Grant the permission rds:DownloadDBLogFilePortion or rds:DownloadCompleteDBLogFile";
    assert!(run.status == 3 && run.err.contains(both), "{}", run.err);
    assert_eq!(only(&run.json())["rotation"], "required");
}

#[test]
fn what_never_works_is_given_up() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    for kind in [FaultKind::CutBodyAfter(100), FaultKind::InternalError, FaultKind::Reset, FaultKind::Html200] {
        let aws = FakeAws::start(small_fleet());
        aws.fault(Fault::new(kind).on(WHOLE).at(Calls::Every));
        let run = analyze(&aws);
        assert_eq!((run.status, run.json()), (0, clean.clone()), "{kind:?}: {}", run.err);
        assert!(calls(&aws, WHOLE) <= 3 * FEW, "a few files, each some times: {kind:?}");
    }
}

#[test]
fn a_session_token_is_signed_and_a_signature_that_is_refused_leads_to_portions() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    for (variable, value, portions) in [("AWS_SESSION_TOKEN", "to/k+en==", 0), ("AWS_SECRET_ACCESS_KEY", "other", 72)] {
        let aws = FakeAws::start(small_fleet());
        let home = TempDir::new().expect("a folder");
        let mut command = against(&aws, home.path());
        command.args(["analyze", "--format", "json", "--instance", INSTANCE]).args(WINDOW).env(variable, value);
        assert_eq!(Run::of(&mut command).json(), clean, "{variable}");
        assert_eq!(calls(&aws, PORTION), portions, "{variable}");
    }
}

#[test]
fn the_endpoint_of_the_service_is_the_one_that_is_asked() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_ENDPOINT_URL_RDS", aws.url());
    Run::of(command.args(["analyze", "--instance", INSTANCE]).args(WINDOW));
    assert_eq!(calls(&aws, WHOLE), 72);
}

#[test]
fn trouble_that_lasts_is_a_hole_with_its_name() {
    for (kind, action, cause, said) in [
        (FaultKind::Throttle, WHOLE, "throttled", "AWS kept throttling the call"),
        (FaultKind::ExpiredToken, WHOLE, "denied", "the AWS credentials have expired"),
        // Complete as HTTP, and shorter than the listing says.
        (FaultKind::CutXml(0.9), WHOLE, "truncated", "the rest of the log is missing"),
        (FaultKind::EmptyBody, WHOLE, "truncated", "the rest of the log is missing"),
    ] {
        let aws = FakeAws::start(small_fleet());
        aws.fault(Fault::new(kind).on(action).of(LOG).at(Calls::Every));
        let run = analyze(&aws);
        assert!(run.status == 3 && run.err.contains(said), "{kind:?}: {}", run.err);
        let report = run.json();
        assert_eq!(only(&report)["coverage"]["files_failed"], 1, "{kind:?}: {report:#}");
        assert_eq!(only(&report)["coverage"]["gaps"][0]["cause"], cause, "{kind:?}: {report:#}");
    }
}

#[test]
fn what_came_of_a_log_that_breaks_off_is_evidence() {
    let mut fleet = small_fleet();
    log(&mut fleet).bytes.splice(0..0, TLS.replace("05:59:40", "05:00:00").into_bytes());
    let most = log(&mut fleet).bytes.len() - 10;
    let aws = FakeAws::start(fleet);
    aws.fault(Fault::new(FaultKind::CutBodyAfter(most)).on(WHOLE).of(LOG).at(Calls::First(1)));
    aws.fault(Fault::new(FaultKind::CutBodyAfter(10)).on(WHOLE).of(LOG).at(Calls::Every));
    aws.fault(Fault::new(FaultKind::AccessDenied).on(PORTION).at(Calls::Every));
    let run = analyze(&aws);
    let report = run.json();
    assert_eq!((run.status, &only(&report)["connections"]["tls"]), (3, &1.into()), "{report:#}");
}

#[test]
fn logs_that_grow_or_get_another_name_lose_nothing() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    let mut fleet = small_fleet();
    log(&mut fleet).quirks.grows = TLS.as_bytes().to_vec();
    let report = analyze(&FakeAws::start(fleet)).json();
    assert_eq!(only(&report)["connections"]["tls"], 1, "{report:#}");

    let mut fleet = small_fleet();
    (log(&mut fleet).quirks.vanishes_after, log(&mut fleet).quirks.renamed_to) = (Some(0), Some(format!("{LOG}.old")));
    let report = analyze(&FakeAws::start(fleet)).json();
    assert_eq!(only(&report)["connections"], only(&clean)["connections"], "{report:#}");
}

#[test]
fn names_of_any_letters_are_signed_and_served() {
    let mut fleet = small_fleet();
    let files = &mut fleet.instance(INSTANCE).files;
    for strange in ["with space", "100%", "%2F", "a+b&c=d?e#f;g", "ünï-ログ~", "deep/er/still", "'(!*)\"<>"] {
        files.insert(format!("error/postgresql.log.2026-11-21-05.{strange}"), LogFile::new(TLS, 1_795_238_399_000));
    }
    let aws = FakeAws::start(fleet);
    let run = analyze(&aws);
    assert_eq!((calls(&aws, WHOLE), calls(&aws, PORTION)), (79, 0), "{}", run.err);
    for refused in ["error/postgresql.log./../x", "error/postgresql.log.//x"] {
        let mut fleet = small_fleet();
        let file = log(&mut fleet).clone();
        fleet.instance(INSTANCE).files.insert(refused.to_owned(), file);
        let aws = FakeAws::start(fleet);
        analyze(&aws);
        assert_eq!((calls(&aws, WHOLE), calls(&aws, PORTION)), (72, 1), "{refused}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_arrive_as_they_are() {
    let mut fleet = small_fleet();
    let named = TLS.replace("application_name=x", "application_name=?");
    let named = named.bytes().map(|byte| if byte == b'?' { 0xE9 } else { byte });
    log(&mut fleet).bytes.extend(named);
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    command.args(["analyze", "--format", "json", "--instance", INSTANCE]).args(WINDOW);
    let run = Run::of(&mut command);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.out.contains(r"\\xE9"), "{}", run.out);
}

#[test]
fn a_log_that_was_packed_in_its_place_counts() {
    let clean = analyze(&FakeAws::start(small_fleet())).json();
    let packed = |fleet: Fleet, ending: &str| {
        let mut fleet = fleet;
        let file = fleet.instance(INSTANCE).files.remove(LOG).expect("a log an hour");
        let file = LogFile::new(gzip(&file.bytes), file.last_written_ms);
        fleet.instance(INSTANCE).files.insert(format!("{LOG}{ending}"), file);
        fleet
    };
    for ending in ["", ".gz"] {
        let report = analyze(&FakeAws::start(packed(small_fleet(), ending))).json();
        assert_eq!(only(&report)["connections"], only(&clean)["connections"], "{ending}: {report:#}");
        assert_eq!(only(&report)["rotation"], "deferrable", "{ending}: {report:#}");

        let run = analyze(&FakeAws::start(packed(fleet_by_portions(), ending)));
        let report = run.json();
        assert_eq!((run.status, &only(&report)["rotation"]), (3, &"required".into()), "{ending}: {report:#}");
        let said = if ending.is_empty() { "not recognised" } else { "Grant the permission rds:DownloadComplete" };
        assert!(run.err.contains(said), "{ending}: {}", run.err);

        let mut cut = packed(small_fleet(), ending);
        let name = format!("{LOG}{ending}");
        let bytes = &mut cut.instance(INSTANCE).files.get_mut(&name).expect("there").bytes;
        bytes.truncate(bytes.len() - 9);
        let run = analyze(&FakeAws::start(cut));
        assert_eq!((run.status, &only(&run.json())["rotation"]), (3, &"required".into()), "{ending}: {}", run.err);
    }
}

/// Most memory that an analysis had at one time, in kB; none where the system does not tell.
fn peak(aws: &FakeAws) -> Option<u64> {
    let home = TempDir::new().expect("a folder");
    let mut command = against(aws, home.path());
    crate::command::peak(command.args(["analyze", "--format", "json", "--instance", INSTANCE]).args(WINDOW)).1
}

#[test]
fn memory_does_not_grow_with_the_log() {
    let line = "2026-11-21 05:30:00 UTC:10.0.0.9(5):app@orders:[77]:LOG:  duration: 1 ms\n";
    let aws = FakeAws::start(small_fleet());
    let Some(base) = peak(&aws) else { return };
    let million = line.repeat(1_000_000 / line.len()).into_bytes();
    for (name, text) in [("200 MB", million.repeat(200)), ("80 MB, packed", gzip(&million).repeat(80))] {
        aws.set(|fleet| log(fleet).bytes = text);
        let most = peak(&aws).expect("as before");
        println!("peak memory: {base} kB with small logs, {most} kB with one of {name}");
        assert!(most < base + 60_000, "{base} kB, and {most} kB with a log of {name}");
    }
}
