//! What was seen over time, as numbers of a drawing 1000 wide and 100 high.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::minute;
use crate::report::model::{Day, Instance};
use crate::window::Window;

const WIDTH: i128 = 1000;
/// Height of the longest bar; the line is in the middle of 100.
const HEIGHT: u64 = 48;

/// Sessions by day, and the gaps, along one axis.
pub(super) struct Chart {
    pub from: String,
    pub to: String,
    pub bars: Vec<Bar>,
    /// Most sessions on one side of the line.
    pub most: u64,
    /// Place and width of the gaps.
    pub gaps: Vec<(i128, i128)>,
}

/// One day.
pub(super) struct Bar {
    pub x: i128,
    pub width: i128,
    pub text: String,
    pub parts: Vec<Part>,
}

/// Sessions of one kind on one day.
pub(super) struct Part {
    pub class: &'static str,
    pub y: u64,
    pub height: u64,
}

impl Chart {
    pub fn of(it: &Instance, window: Window) -> Option<Self> {
        if window.is_empty() {
            return None;
        }
        let days = &it.connections.by_day;
        let below = |day: &Day| day.sessions.plaintext + day.sessions.other();
        let most = days.iter().map(|day| day.sessions.tls.max(below(day))).max().unwrap_or(0);
        Some(Self {
            from: minute(&window.from),
            to: minute(&window.to),
            bars: days.iter().filter_map(|day| Bar::of(day, window, most)).collect(),
            most,
            gaps: it.coverage.gaps.iter().filter_map(|gap| place(gap.span, window)).collect(),
        })
    }
}

impl Bar {
    fn of(day: &Day, window: Window, most: u64) -> Option<Self> {
        let span = Window { from: begin(day.day)?, to: begin(day.day.tomorrow().ok()?)? };
        let (x, width) = place(span, window)?;
        let (tls, plaintext, other) = (day.sessions.tls, day.sessions.plaintext, day.sessions.other());
        let (up, down) = (height(tls, most), height(plaintext, most));
        let parts = [("tls", 50 - up, up), ("plaintext", 50, down), ("other", 50 + down, height(other, most))];
        Some(Self {
            x,
            // What is between two days tells them apart.
            width: (width - 2).max(1),
            text: format!("{}: {tls} TLS, {plaintext} plaintext, {other} other", day.day),
            parts: parts
                .into_iter()
                .filter(|(.., height)| *height > 0)
                .map(|(class, y, height)| Part { class, y, height })
                .collect(),
        })
    }
}

/// How high so many sessions stand: a single one can be seen.
fn height(sessions: u64, most: u64) -> u64 {
    if sessions == 0 { 0 } else { (sessions.saturating_mul(HEIGHT) / most.max(1)).max(2) }
}

fn begin(day: Date) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// Place and width of a span in the window; a short one can be seen.
fn place(span: Window, window: Window) -> Option<(i128, i128)> {
    let span = span.overlap(&window)?;
    let whole = window.length().as_nanos().max(1);
    let at = |time: Timestamp| window.from.duration_until(time).as_nanos() * WIDTH / whole;
    let (x, end) = (at(span.from), at(span.to));
    let width = (end - x).max(2);
    Some((x.min(WIDTH - width), width))
}
