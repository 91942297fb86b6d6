//! Spans of time: the window of a report, and its covered parts and gaps.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A half-open span of time in UTC: `from` is in it, `to` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First instant of the span.
    pub from: Timestamp,
    /// First instant after the span.
    pub to: Timestamp,
}

impl Window {
    /// The span of `days` days that ends at `to`.
    pub fn days_before(to: Timestamp, days: u32) -> Self {
        let from = to.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
        Self { from, to }
    }

    /// Whether the span contains no instant.
    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }

    /// How long the span is; zero when it is empty.
    pub fn length(&self) -> SignedDuration {
        if self.is_empty() { SignedDuration::ZERO } else { self.from.duration_until(self.to) }
    }

    /// The part that both spans share, if any.
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (!both.is_empty()).then_some(both)
    }
}

/// Sorts spans and joins those that touch or overlap; empty ones vanish.
pub fn union(mut spans: Vec<Window>) -> Vec<Window> {
    spans.retain(|span| !span.is_empty());
    spans.sort_unstable();
    let mut joined: Vec<Window> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => joined.push(span),
        }
    }
    joined
}

/// The parts of `whole` that no span of `covered` covers.
pub fn gaps(whole: Window, covered: &[Window]) -> Vec<Window> {
    let mut gaps = Vec::new();
    let mut open = whole.from;
    for span in union(covered.iter().filter_map(|span| span.overlap(&whole)).collect()) {
        if open < span.from {
            gaps.push(Window { from: open, to: span.from });
        }
        open = span.to;
    }
    if open < whole.to {
        gaps.push(Window { from: open, to: whole.to });
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> Window {
        let at = |second| Timestamp::from_second(second).expect("in range");
        Window { from: at(from), to: at(to) }
    }

    #[test]
    fn touching_spans_are_one() {
        assert_eq!(union(vec![span(5, 9), span(0, 3), span(3, 5), span(7, 7)]), [span(0, 9)]);
    }

    #[test]
    fn what_is_not_covered_is_a_gap() {
        assert_eq!(gaps(span(0, 10), &[span(2, 3), span(-5, 1), span(9, 40)]), [span(1, 2), span(3, 9)]);
        assert_eq!(gaps(span(0, 10), &[]), [span(0, 10)]);
        assert_eq!(gaps(span(0, 10), &[span(0, 10)]), []);
    }
}
