//! What samples of `ssl-usage probe` show of an instance, in reports.

use jiff::Timestamp;
use serde::Serialize;

use super::model::Shares;
use crate::text::plural;
use crate::usage::Usage;
use crate::window::Window;

/// The sessions that were open when an instance was probed.
#[derive(Clone, Debug, Serialize)]
pub struct Sampled {
    /// Samples in the window that list sessions.
    pub samples: u64,
    /// When the last of them was taken.
    pub last_at: Option<Timestamp>,
    /// Why the last of them is not complete: `no-privilege`, ...; none if it is.
    pub gap: Option<&'static str>,
    /// Sessions of clients that were open in them, each once.
    #[serde(flatten)]
    pub sessions: Shares,
    /// The sample that shows all sessions from before the logs which were still open, or by its connection IDs that none was;
    /// none if no sample does.
    pub settled_at: Option<Timestamp>,
    /// TLS handshakes of clients that the server counted; none if it counted none, or does not count.
    pub handshakes: Option<Handshakes>,
    /// The time in which the server's counter shows that no client used TLS.
    pub no_handshakes_in: Vec<Window>,
}

/// TLS handshakes of clients.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Handshakes {
    /// How many, at least.
    pub count: u64,
    /// Between when.
    #[serde(flatten)]
    pub span: Window,
}

impl Sampled {
    /// What the usage of an instance contains; none if it was not probed.
    pub(super) fn new(usage: &Usage) -> Option<Self> {
        let (sampled, handshakes) = (&usage.sampled, &usage.handshakes);
        let is_probed = sampled.samples > 0 || handshakes.of_clients.is_some() || !handshakes.none_in.is_empty();
        is_probed.then(|| Self {
            samples: sampled.samples,
            last_at: sampled.last_at,
            gap: sampled.gap.as_ref().map(crate::sessions::SampleGap::code),
            sessions: (&sampled.sessions).into(),
            settled_at: sampled.settled_at.max(sampled.none_older.map(|none| none.at)),
            handshakes: handshakes.of_clients.map(|(count, span)| Handshakes { count, span }),
            no_handshakes_in: handshakes.none_in.clone(),
        })
    }

    /// The same as a line.
    pub(super) fn in_words(&self) -> String {
        let Shares { tls, plaintext, local, gss, unknown } = self.sessions;
        let last =
            self.last_at.map_or_else(String::new, |at| format!(", last at {}", at.strftime("%Y-%m-%d %H:%M UTC")));
        let gap = self.gap.map_or_else(String::new, |gap| format!(" (incomplete: {gap})"));
        format!(
            "{tls} with TLS, {} without, {local} local, {unknown} unknown, in {}{last}{gap}",
            plaintext + gss,
            plural(self.samples, "sample")
        )
    }
}
