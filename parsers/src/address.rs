//! Ports behind addresses.

use std::borrow::Cow;

use memchr::memrchr;

use crate::digits;
use crate::event::Text;

/// `10.0.0.7:49698` without the port. An address without a port, and `[local]`, stay as they are.
///
/// The last colon decides, and only digits behind it are a port: `::1:49698` becomes `::1`. So an IPv6 address whose port is
/// missing would lose its last group. Callers pass columns that hold a port for every network address.
pub(crate) fn without_port(address: Text<'_>) -> Text<'_> {
    let port = memrchr(b':', &address).filter(|at| address.get(at + 1..).is_some_and(digits::all));
    match (port, address) {
        (Some(at), Cow::Borrowed(address)) => Cow::Borrowed(address.get(..at).unwrap_or(address)),
        (Some(at), Cow::Owned(mut address)) => {
            address.truncate(at);
            Cow::Owned(address)
        }
        (None, address) => address,
    }
}
