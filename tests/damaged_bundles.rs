//! Bundles that are damaged at random: no verdict gets milder, no other instance loses its verdict, nothing panics.
//!
//! Every file of a bundle is met by every kind of damage. `SSL_USAGE_DAMAGE_SEEDS=2000 cargo test damaged_bundles` does so much
//! to the bundle of samples and to an older one (100 otherwise), and four times as much to a small one; with `-- --nocapture`
//! it prints how often which damage was noticed (true), or changed nothing (false).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use serde_json::{Value, json};
use ssl_usage::bundle::{Scope, load};
use ssl_usage::progress::Silent;
use ssl_usage::report::{FORMATS, Format, Layout, Report, Rows};
use ssl_usage::verdict::Policy;
use ssl_usage::window::Window;
use tempfile::TempDir;

use crate::bundle::{collect_both, two_regions};
use crate::command::samples;
use crate::fake_aws::FakeAws;
use crate::sealing::{copy_bundle, files};

fn seeds() -> u64 {
    std::env::var("SSL_USAGE_DAMAGE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(100)
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Flipped,
    Zeroed,
    Cut,
    Swapped,
    Deleted,
}

const KINDS: [Damage; 5] = [Damage::Flipped, Damage::Zeroed, Damage::Cut, Damage::Swapped, Damage::Deleted];

/// Damages one file, or two; returns which, and what they were.
fn damage(all: &[PathBuf], seed: u64) -> (Damage, BTreeMap<PathBuf, Vec<u8>>) {
    let mut random = Rng::with_seed(seed);
    let kind = KINDS[usize::try_from(seed).expect("a number") % KINDS.len()];
    // Every file by every kind, in turn.
    let path = &all[usize::try_from(seed).expect("a number") / KINDS.len() % all.len()];
    let was = fs::read(path).expect("a file");
    let mut bytes = was.clone();
    let at = random.usize(..bytes.len());
    match kind {
        Damage::Flipped => bytes[at] ^= 1 << random.u32(..8),
        Damage::Zeroed => {
            let end = bytes.len().min(at + random.usize(1..=64));
            bytes[at..end].fill(0);
        }
        Damage::Cut => bytes.truncate(at),
        Damage::Swapped => {
            let alike: Vec<_> =
                all.iter().filter(|other| *other != path && other.extension() == path.extension()).collect();
            let Some(other) = random.choice(alike) else { return (kind, BTreeMap::new()) };
            let others = fs::read(other).expect("a file");
            fs::write(path, &others).expect("a file");
            fs::write(other, &was).expect("a file");
            return (kind, [(path.clone(), was), (other.clone(), others)].into());
        }
        Damage::Deleted => {
            fs::remove_file(path).expect("removed");
            return (kind, [(path.clone(), was)].into());
        }
    }
    fs::write(path, bytes).expect("a file");
    (kind, [(path.clone(), was)].into())
}

/// What is judged of a bundle: each instance by ARN, the subjects of the errors, and the digest; or why nothing is.
#[derive(Debug, PartialEq)]
struct Judged {
    instances: BTreeMap<String, Value>,
    errors: Vec<String>,
    digest: Option<String>,
}

fn judge(bundle: &Path, policy: &Policy) -> Result<Judged, String> {
    let evidence = load(&[bundle.to_owned()], Scope::All).map_err(|error| error.to_string())?;
    let end = "2026-11-23T00:00:00Z".parse().expect("a time");
    let report = Report::new(&evidence, Window::days_before(end, 3), policy.clone(), &Silent);
    for format in ["table", "html", "csv"] {
        let layout =
            Layout { width: 100, wide: true, colours: false, group_by: None, rows: Rows::Instances, again: vec![] };
        let format = Format::named(FORMATS, format).expect("a format");
        format.write(&report, &layout, &mut std::io::sink()).expect("printed");
    }
    let instances = report.instances.iter().map(|row| (row.id().arn.clone(), json!(row))).collect();
    let errors = report.errors.iter().map(|error| format!("{} {}", error.subject, error.message)).collect();
    Ok(Judged { instances, errors, digest: report.evidence.digest })
}

fn mildness(verdict: &Value) -> usize {
    let rank = |rotation: &str| ["required", "deferrable", "optional"].iter().position(|known| *known == rotation);
    verdict["rotation"].as_str().and_then(rank).expect("a rotation")
}

/// Whether damage to a file may concern an instance: it is a part of it, or of its account and region.
fn concerns(path: &Path, verdict: &Value) -> bool {
    let text = |key: &str| verdict[key].as_str().expect("a text").to_owned();
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let of_region = format!("{}.{}.", text("account"), text("region"));
    let of_instance = format!("{of_region}{}.", text("instance"));
    let is_part = path.parent().is_some_and(|folder| folder.ends_with("parts"));
    name.starts_with(if is_part { &of_instance } else { &of_region }) || name == "bundle.json"
}

/// Damages a bundle once for each seed; says how often what was noticed.
fn damaged(bundle: &Path, seeds: u64) -> BTreeMap<(Damage, bool), u64> {
    let whole = judge(bundle, &Policy::default()).expect("a report");
    assert_eq!(whole.errors, Vec::<String>::new());
    assert!(whole.instances.values().any(|verdict| mildness(verdict) > 0), "something can get worse");
    let mut all = files(bundle);
    all.push(bundle.join("bundle.json"));
    let mut told: BTreeMap<(Damage, bool), u64> = BTreeMap::new();
    for seed in 0..seeds {
        let (kind, was) = damage(&all, seed);
        let touched: Vec<&PathBuf> = was.keys().collect();
        let found = catch_unwind(AssertUnwindSafe(|| judge(bundle, &Policy::default())));
        let found = found.unwrap_or_else(|_| panic!("seed {seed}: {kind:?} {touched:?} panicked"));
        let name = |path: &&PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        match &found {
            Ok(found) if *found == whole => {}
            Ok(found) => {
                // Without its record, a collection has not ended.
                let is_record = touched.iter().any(|path| path.to_string_lossy().contains("/collections/"));
                let is_told = |name: &str| found.errors.iter().any(|error| error.contains(name));
                let is_named = touched.iter().map(name).any(|name| is_told(&name))
                    || (kind == Damage::Deleted && is_record && is_told("is not complete"));
                assert!(is_named, "seed {seed}: {kind:?} {touched:?} is not named: {:?}", found.errors);
                assert_eq!(found.digest, None, "seed {seed}: {kind:?} {touched:?}");
                for (arn, verdict) in &whole.instances {
                    let is_untouched = !touched.iter().any(|path| concerns(path, verdict));
                    let Some(now) = found.instances.get(arn) else {
                        assert!(!is_untouched, "seed {seed}: {kind:?} {touched:?}: {arn} is gone");
                        continue;
                    };
                    assert!(mildness(now) <= mildness(verdict), "seed {seed}: {kind:?} {touched:?}: {now:#}");
                    assert!(!is_untouched || now == verdict, "seed {seed}: {kind:?} {touched:?}: {now:#}");
                }
            }
            Err(error) => {
                // Of what is one file for all, an error says so.
                let is_only =
                    touched.iter().any(|path| concerns(path, &json!({"account": "", "region": "", "instance": ""})));
                let is_inventory = touched.iter().any(|path| path.to_string_lossy().contains("/fleet/"));
                assert!(is_only || is_inventory, "seed {seed}: {kind:?} {touched:?}: {error}");
            }
        }
        *told.entry((kind, found.as_ref() != Ok(&whole))).or_default() += 1;
        for (path, bytes) in was {
            fs::write(path, bytes).expect("restored");
        }
    }
    assert_eq!(judge(bundle, &Policy::default()).as_ref(), Ok(&whole), "all is restored");
    told
}

#[test]
fn damage_makes_no_verdict_milder_in_the_bundle_of_samples() {
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("copy");
    copy_bundle(&samples().join("fleet"), &bundle, |_| true);
    println!("samples/fleet: {:?}", damaged(&bundle, seeds()));
}

#[test]
fn damage_makes_no_verdict_milder_in_a_bundle_of_many_collections_and_regions() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(two_regions());
    for now in ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"] {
        assert_eq!(collect_both(&aws, home.path(), now).status, 0);
    }
    println!("three collections: {:?}", damaged(&home.path().join("kept"), 4 * seeds()));
}

/// Nobody knows what an older bundle was: it shows no damage that can be read, and so nothing mild is concluded from it.
#[test]
fn an_older_bundle_gives_nothing_mild_and_never_panics_whatever_is_done_to_it() {
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("old");
    copy_bundle(&samples().join("bundle-v1"), &bundle, |_| true);
    let accepting = Policy { accept_unverified: true, ..Policy::default() };
    let (mut all, mut outcomes) = (files(&bundle), BTreeSet::new());
    all.push(bundle.join("bundle.json"));
    for seed in 0..seeds() {
        let (kind, was) = damage(&all, seed);
        for policy in [&accepting, &Policy::default()] {
            let found = catch_unwind(AssertUnwindSafe(|| judge(&bundle, policy)));
            let found = found.unwrap_or_else(|_| panic!("seed {seed}: {kind:?} {:?} panicked", was.keys()));
            let worst = found.iter().flat_map(|found| found.instances.values()).map(mildness).max();
            assert!(policy.accept_unverified || worst.unwrap_or(0) == 0, "seed {seed}: {kind:?} {:?}", was.keys());
            outcomes.insert((policy.accept_unverified, worst));
        }
        for (path, bytes) in was {
            fs::write(path, bytes).expect("restored");
        }
    }
    assert!(outcomes.contains(&(true, Some(2))), "what is accepted gives verdicts: {outcomes:?}");
}
