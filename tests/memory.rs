//! Inputs that were made to fill the memory: whatever a file says, a scan and a collection stay small, and lose no count.

use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzEncoder;
use tempfile::TempDir;

use crate::command::{Run, against, peak, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};

/// Most memory of a scan of one file, in kB; what all of these inputs took before was several times as much.
const SCAN: u64 = 300_000;

/// Scans a file within the memory that a scan may take.
fn scan(path: &Path) -> Run {
    let home = TempDir::new().expect("a folder");
    let (run, most) = peak(ssl_usage(home.path()).args(["scan", "--format", "json"]).arg(path));
    println!("{}: {most:?} kB", path.display());
    assert!(most.is_none_or(|most| most < SCAN), "{}: {most:?} kB", path.display());
    run
}

/// A file with these bytes.
fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

/// A zstd frame of so many blocks of 128 KiB of one byte. RFC 8878, 3.1.1.
fn zstd(header: &[u8], blocks: u32) -> Vec<u8> {
    let mut frame = [&[0x28, 0xb5, 0x2f, 0xfd], header].concat();
    for block in 1..=blocks {
        let head = u32::from(block == blocks) | 1 << 1 | (128 * 1024) << 3;
        frame.extend_from_slice(&head.to_le_bytes()[..3]);
        frame.push(b'x');
    }
    frame
}

/// A session with TLS, with invented names.
fn session(number: u32) -> String {
    format!(
        "2026-11-21 05:{:02}:00 UTC:10.0.0.9(5):u{number}@d:[{}]:LOG:  connection authorized: user=u{number} database=d \
         application_name=a{number} SSL enabled (protocol=TLSv1.3, cipher=CIPHER-{number}, bits=256)\n",
        number % 60,
        number % 30_000
    )
}

#[test]
fn a_packed_log_does_not_say_how_much_memory_it_takes() {
    let folder = TempDir::new().expect("a folder");
    let size = 4_u64 << 30;
    let single = [&[0b1110_0000][..], &size.to_le_bytes()].concat();
    let bomb = file(&folder, "single.zst", &zstd(&single, 32_768));
    let run = scan(&bomb);
    let said = format!("decompressing it takes {size} bytes of memory. Decompress it first: `zstd -dc");
    assert!(run.status == 1 && run.err.contains("single.zst") && run.err.contains(&said), "{run:?}");
    let second = [zstd(&[0, 13 << 3], 1), zstd(&single, 32_768)].concat();
    let run = scan(&file(&folder, "second.zst", &second));
    assert!(run.status == 1 && run.err.contains(&said), "in the second frame: {run:?}");
    // The largest window that is read; and one that `zstd` uses by itself, of more than a gigabyte.
    for (name, header, blocks) in [("large.zst", [0, 16 << 3 | 4], 1_000), ("long.zst", [0, 13 << 3], 8_192)] {
        let run = scan(&file(&folder, name, &zstd(&header, blocks)));
        assert!(run.status == 1 && run.err.contains("not recognised"), "{name}: {run:?}");
    }
    let mut gzip = Vec::new();
    GzEncoder::new(std::io::repeat(b'\n').take(500_000_000), Compression::fast())
        .read_to_end(&mut gzip)
        .expect("packs");
    let run = scan(&file(&folder, "blanks.gz", &gzip));
    assert!(run.status == 1 && run.err.contains("not recognised"), "{run:?}");
}

#[test]
fn archives_whose_lists_are_larger_than_their_files_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), Compression::fast()));
    for number in 0..400 {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        tar.append_data(&mut header, format!("{}{number}", "n".repeat(60_000)), std::io::empty()).expect("packs");
    }
    let packed = tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("packs");
    let run = scan(&file(&folder, "names.tgz", &packed));
    assert!(run.status == 3 && run.err.contains("the names of its files take more than 16 MiB"), "{}", run.status);

    // A list of 800,000 files, 48 bytes each, and none of them there. Source: 4.3.12 to 4.3.16 of PKWARE's APPNOTE.
    let (count, mut zip) = (800_000_u32, b"PK\x03\x04".to_vec());
    let start = zip.len() as u64;
    for number in 0..count {
        zip.extend_from_slice(b"PK\x01\x02");
        zip.extend_from_slice(&[0; 24]);
        zip.extend_from_slice(&[7, 0]);
        zip.extend_from_slice(&[0; 16]);
        write!(zip, "{number:07}").expect("a vector takes all");
    }
    let (size, end) = (zip.len() as u64 - start, zip.len() as u64);
    zip.extend_from_slice(b"PK\x06\x06");
    zip.extend_from_slice(&44_u64.to_le_bytes());
    zip.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [u64::from(count), u64::from(count), size, start] {
        zip.extend_from_slice(&number.to_le_bytes());
    }
    zip.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    zip.extend_from_slice(&end.to_le_bytes());
    zip.extend_from_slice(b"\x01\0\0\0PK\x05\x06");
    zip.extend_from_slice(&[0xff; 16]);
    zip.extend_from_slice(&[0, 0]);
    let run = scan(&file(&folder, "list.zip", &zip));
    assert!(run.status == 1 && run.err.contains("its list of files is longer than 32 MiB"), "{}", run.err);
}

#[test]
fn invented_names_in_a_log_cost_no_memory_and_no_count() {
    let folder = TempDir::new().expect("a folder");
    let sessions = 400_000;
    let log: String = (0..sessions).map(session).collect();
    let run = scan(&file(&folder, "postgresql.log", log.as_bytes()));
    let report = run.json();
    assert_eq!((run.status, &report["total"]["connections"]["tls"]), (0, &sessions.into()), "{}", run.err);
    for counts in [&report["total"], &report["files"][0]] {
        let ciphers = counts["ciphers"].as_object().expect("ciphers");
        let sum: u64 = ciphers.values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!((ciphers.len(), sum), (257, sessions.into()));
        assert_eq!(ciphers["(other)"], sessions - 256);
        assert_eq!(counts["tls_versions"]["TLSv1.3"], sessions);
    }
    let note = report["files"][0]["note"].as_str().unwrap_or_default();
    assert!(note.contains("some are counted as (other)"), "{note}");
}

#[test]
fn a_long_line_is_never_held_whole() {
    let folder = TempDir::new().expect("a folder");
    let log = [session(1).as_str(), &"x".repeat(400_000_000), "\n", &session(2)].concat();
    let run = scan(&file(&folder, "postgresql.log", log.as_bytes()));
    assert_eq!((run.status, &run.json()["total"]["connections"]["tls"]), (0, &2.into()), "{}", run.err);
}

#[test]
fn invented_clients_are_counted_without_names_and_reported() {
    const INSTANCE: &str = "reports-batch";
    let analyze = |aws: &FakeAws| {
        let home = TempDir::new().expect("a folder");
        let mut command = against(aws, home.path());
        peak(command.args(["analyze", "--format", "json", "--instance", INSTANCE]).args(WINDOW))
    };
    let aws = FakeAws::start(small_fleet());
    let (clean, before) = analyze(&aws);
    let sessions = 150_000;
    aws.set(|fleet| {
        let log = fleet.instance(INSTANCE).files.get_mut("error/postgresql.log.2026-11-21-05").expect("a log an hour");
        log.bytes.extend((0..sessions).flat_map(|number| session(number).into_bytes()));
    });
    let (run, most) = analyze(&aws);
    let (report, clean) = (run.json(), clean.json());
    let (instance, clean) = (&report["instances"][0], &clean["instances"][0]);
    assert_eq!((run.status, &instance["rotation"]), (3, &"required".into()), "{}", run.err);
    assert_eq!(instance["connections"]["tls"], sessions);
    assert_eq!(instance["connections"]["plaintext"], clean["connections"]["plaintext"]);
    assert_eq!(instance["connections"]["tls_versions"]["TLSv1.3"], sessions);
    assert_eq!(instance["connections"]["ciphers"].as_object().map(serde_json::Map::len), Some(257));
    let said = "error/postgresql.log.2026-11-21-05 (names of clients) (eu-west-1, 123456789012): the log has too many different";
    assert!(run.err.contains(said), "{}", run.err);
    println!("{before:?} kB, and {most:?} kB with {sessions} invented clients");
    if let (Some(before), Some(most)) = (before, most) {
        assert!(most < before + 250_000, "{before} kB, and {most} kB with invented clients");
    }
}
