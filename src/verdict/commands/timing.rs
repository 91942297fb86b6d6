//! Whether a rotation can wait for the maintenance window.

use jiff::{SignedDuration, Timestamp};

use super::Case;
use crate::inventory::MaintenanceWindow;

/// When to apply a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// In the maintenance window.
    InWindow {
        /// The latest time to run the command. None if there is none, or the window is unknown.
        run_by: Option<Timestamp>,
        /// What is uncertain or too late about it.
        caution: Option<String>,
    },
    /// At once, and why.
    Now(String),
}

/// When to apply a rotation that is required.
pub(super) fn when(case: &Case<'_>) -> When {
    let in_window = |run_by, caution| When::InWindow { run_by, caution };
    let Some(end) = case.end() else { return in_window(None, None) };
    if case.is_locked_out() {
        return When::Now(format!(
            "the certificate or its CA expired on {}, and clients use TLS, so those that verify it cannot connect",
            date(end)
        ));
    }
    if end <= case.now {
        let caution = "The certificate or its CA has expired, but no client is known to use TLS. If clients cannot \
                       connect, use --apply-immediately.";
        return in_window(None, Some(caution.to_owned()));
    }
    let Some(window) = case.profile.maintenance_window.as_deref().and_then(MaintenanceWindow::parse) else {
        // A window comes every week.
        let week = SignedDuration::from_hours(7 * 24);
        let is_close = end.duration_since(case.now) < week;
        let caution =
            format!("The maintenance window is unknown. If none ends before {}, use --apply-immediately.", minute(end));
        return in_window(None, is_close.then_some(caution));
    };
    let last = window.last_before(end).filter(|last| *last >= case.now);
    if last.is_some() {
        return in_window(last, None);
    }
    let next =
        window.next_after(case.now).map_or_else(String::new, |next| format!(" (the next starts {})", minute(next)));
    When::Now(format!("the certificate or its CA expires {}, before a maintenance window ends{next}", minute(end)))
}

/// `2026-11-29`.
pub(super) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// `2026-11-29 05:00 UTC`.
pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
