//! How long hostile logs take: `cargo bench -p ssl-usage-parsers --bench hostile`.
//!
//! For every format, text that its parser searches for is repeated for a megabyte: with nothing between, in lines of their
//! own, and as text of one long line. Shown is the slowest of each format, beside a usual log and a text of a quarter of the
//! length: where the time for each byte grows with the length, the time is not linear.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what is wrong"
)]

#[path = "../tests/patterns/mod.rs"]
mod patterns;

use patterns::{FORMATS, Format, Shape, log, marks, sample, seconds};

/// Bytes of a hostile text.
const LENGTH: usize = 1024 * 1024;

fn main() {
    println!("{:<16} {:>12} {:>12} {:>12}  slowest", "", "usual s/MB", "quarter", "hostile");
    for format in FORMATS {
        let rate = |pattern: &str, shape: Shape, length: usize| {
            let text = log(format, pattern, shape, length);
            // What else the machine does only adds to it.
            let least = (0..3).map(|_| seconds(format, &text)).fold(f64::INFINITY, f64::min);
            least / (length as f64 / 1e6)
        };
        let usual = rate("", Shape::Bare, LENGTH);
        let mut slowest = (0.0, String::new(), Shape::Bare);
        for pattern in patterns(format) {
            for shape in [Shape::Bare, Shape::Carried] {
                let found = rate(&pattern, shape, LENGTH / 4);
                if found > slowest.0 {
                    slowest = (found, pattern.clone(), shape);
                }
            }
        }
        let (quarter, pattern, shape) = slowest;
        let hostile = rate(&pattern, shape, LENGTH);
        println!("{:<16} {usual:>12.4} {quarter:>12.4} {hostile:>12.4}  {pattern:?} {shape:?}", format.name);
    }
}

/// All texts that are tried on a format: its marks with various ends, and lines of the log that hold one, whole and cut.
fn patterns(format: &Format) -> Vec<String> {
    let (marks, sample) = (marks(format), sample(format));
    let lines: Vec<&str> =
        sample.lines().filter(|line| marks.iter().any(|mark| line.contains(mark.as_str()))).collect();
    let mut patterns = Vec::new();
    for mark in &marks {
        patterns.push(mark.clone());
        patterns.extend([format!("{mark} "), format!("{mark}\n"), format!("{mark}\n\t"), format!("x{mark}\",")]);
    }
    for line in lines.iter().step_by(1 + lines.len() / 12) {
        let half: String = line.chars().take(line.chars().count() / 2).collect();
        patterns.extend([line.to_string(), format!("{line}\n"), format!("{line}\n\t"), format!("{half}\n"), half]);
    }
    patterns
}
