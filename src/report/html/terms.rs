//! The terms of the page, explained.

use std::collections::BTreeSet;

use crate::report::Report;
use crate::verdict::ReasonCode;

/// A term of the page.
pub(super) struct Term {
    /// What links to it: the id of its element.
    pub id: &'static str,
    pub title: &'static str,
    pub meaning: &'static str,
    /// Its values, each with its meaning.
    pub values: &'static [(&'static str, &'static str)],
}

/// The terms, in the order of the columns.
pub(super) const TERMS: &[Term] = &[
    Term {
        id: "t-verdict",
        title: "Verdict",
        meaning: "Whether the certificate must be rotated. A question mark means that the evidence is inconclusive.",
        values: &[
            ("required", "Clients use TLS. Rotate before the date."),
            (
                "required?",
                "The evidence does not show whether clients use TLS. Resolve the cause, or rotate before the date.",
            ),
            ("deferrable", "No client used TLS. The new certificate can wait for the next restart."),
            ("deferrable?", "The evidence is inconclusive, and a person attests that no client uses TLS."),
            ("optional", "TLS is ruled out, or the certificate needs no rotation."),
        ],
    },
    Term {
        id: "t-act-by",
        title: "Act by",
        meaning: "The earliest of three dates: the end of the server certificate, the end of its CA, and the date on which \
                  AWS applies a scheduled rotation.",
        values: &[],
    },
    Term {
        id: "t-reason",
        title: "Reason",
        meaning: "The code of the reason that decided, and its first clause. The details of an instance list all its reasons.",
        values: &[],
    },
    Term {
        id: "t-usage",
        title: "TLS usage",
        meaning: "Whether clients use TLS.",
        values: &[
            ("in use", "The evidence shows TLS."),
            ("not observed", "The logs record TLS, cover enough of the window, and show clients without TLS only."),
            ("ruled out", "A setting turns TLS off and is in effect."),
            ("inconclusive", "Something in the evidence keeps the conclusion \"no TLS\" from being drawn."),
        ],
    },
    Term {
        id: "t-restart",
        title: "Rotation restarts",
        meaning: "What a rotation interrupts.",
        values: &[
            ("none", "The instance rotates without a restart."),
            ("listener", "Only the listener restarts. Open sessions stay, and new connections wait."),
            ("instance", "The instance restarts."),
        ],
    },
    Term {
        id: "t-enforcing",
        title: "Enforcing TLS",
        meaning: "Whether you can enforce TLS.",
        values: &[
            ("safe", "TLS is enforced already, or all logged clients use it."),
            ("breaks", "Clients connect without TLS. They could no longer connect."),
            ("unknown", "The evidence is inconclusive."),
        ],
    },
    Term {
        id: "t-coverage",
        title: "Coverage",
        meaning: "Share of the time that the logs cover. If the verdict is about the last part of the window only, the length \
                  of that part follows.",
        values: &[],
    },
    Term {
        id: "t-sessions",
        title: "TLS, Plaintext",
        meaning: "Sessions of clients in the window, with TLS and without.",
        values: &[],
    },
    Term {
        id: "t-ca",
        title: "CA",
        meaning: "The certificate authority that signed the server certificate. Clients that verify the certificate have the \
                  CA in their trust store.",
        values: &[],
    },
    Term {
        id: "t-staged",
        title: "Staged certificate",
        meaning: "A new certificate that becomes active at the next restart of the instance.",
        values: &[],
    },
];

/// The reason codes of the report, by name.
pub(super) fn codes(report: &Report) -> BTreeSet<(&'static str, &'static str)> {
    let reasons = report.instances.iter().flat_map(|row| &row.reasons);
    let codes: BTreeSet<ReasonCode> = reasons.map(|reason| reason.code).collect();
    codes.into_iter().map(|code| (code.code(), code.meaning())).collect()
}
