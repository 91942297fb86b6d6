//! What users should know about an envelope.

use ssl_usage_parsers::envelope::{Contents, Envelope};

use crate::error::{Error, ErrorKind};

/// Notes on an envelope that was read.
pub(super) fn notes(envelope: &Envelope, contents: &Contents) -> Vec<String> {
    let mut notes: Vec<_> = envelope.caveat.map(str::to_owned).into_iter().collect();
    if contents.duplicates > 0 {
        notes.push(format!("{} events were delivered more than once; each counts once", contents.duplicates));
    }
    if contents.disordered > 0 {
        notes.push(format!("{} events are older than the event before them", contents.disordered));
    }
    if contents.more {
        notes.push(
            "only a part of the log: the AWS CLI output says that more pages follow. Run the command again without \
             --no-paginate, --max-items and --starting-token."
                .to_owned(),
        );
    }
    if contents.page {
        notes.push(
            "get-log-events fetches only one page. If the log has more, use `aws logs filter-log-events`, which fetches all pages."
                .to_owned(),
        );
    }
    notes
}

/// The problem, if a part of an envelope could not be read.
pub(super) fn problem(name: &str, envelope: &Envelope, contents: &Contents) -> Option<Error> {
    let mut what = Vec::new();
    if contents.misfits > 0 {
        let Contents { misfits, events, .. } = contents;
        what.push(format!(
            "could not read {misfits} parts of this {} as events ({events} could be read)",
            envelope.name
        ));
    }
    if contents.cut {
        what.push(format!("this {} ends in the middle of an event", envelope.name));
    }
    let error = (!what.is_empty()).then(|| Error::new(ErrorKind::Format, name, what.join(", and ")))?;
    Some(error.hint("export or download the log again, because the counts may be too low"))
}
