//! What a log is wrapped in.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::{head, pieces, scan_as_detected};
use ssl_usage_parsers::Hints;
use ssl_usage_parsers::envelope::{Contents, Envelope, EnvelopeError, Members, Tail, Unwrapper, Wrapping};

/// What an envelope holds, by member.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held(BTreeMap<String, Vec<u8>>);

impl Members for Held {
    fn write(&mut self, member: &str, bytes: &[u8]) {
        self.0.entry(member.to_owned()).or_default().extend_from_slice(bytes);
    }
}

fn unwrap(
    envelope: &'static Envelope,
    text: &[u8],
    push: impl FnOnce(&mut dyn FnMut(&[u8])),
) -> (Held, Result<Contents, EnvelopeError>) {
    let mut held = Held::default();
    let mut unwrapper =
        Unwrapper::new(envelope, head(text), Tail::Whole, &Hints::default()).expect("it is this envelope");
    let mut failed = Ok(());
    push(&mut |piece| {
        if failed.is_ok() {
            failed = unwrapper.push(piece, &mut held);
        }
    });
    let contents = failed.and_then(|()| unwrapper.finish(&mut held));
    (held, contents)
}

fuzz_target!(|text: &[u8]| {
    let Wrapping::Envelope(envelope) = Wrapping::of(head(text), Tail::Whole, &Hints::default()) else { return };
    let whole = unwrap(envelope, text, |push| push(text));
    assert_eq!(unwrap(envelope, text, |push| pieces(text, push)), whole, "in pieces");
    // A newline behind every event, and at worst three bytes for one that is no text.
    let bytes: usize = whole.0.0.values().map(Vec::len).sum();
    assert!(bytes <= 4 * text.len() + 4, "more in it than can be");
    for member in whole.0.0.values() {
        scan_as_detected(None, member);
    }
});
