//! Sessions over Babelfish's TDS port, which do not tell their transport: the record has no TLS mark even if the session
//! is encrypted.
//!
//! ```text
//! user=sa, application=sqlcmd, Tds Version=0x74000004.
//! user=sa, Tds Version=0x74000004. GSS (authenticated=yes, encrypted=no, principal=sa@EXAMPLE.COM)
//! ```
//!
//! Source: `contrib/babelfishpg_tds/src/backend/tds/tds_srv.c` of babelfish-for-postgresql/babelfish_extensions,
//! `pe_authenticate`.

use memchr::memmem;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::hex_digit1;
use nom::combinator::{eof, opt};
use nom::error::Error;

use super::message::{Context, Message, text};
use crate::event::{Client, SessionStep, Transport};

const VERSION: &[u8] = b" Tds Version=0x";

/// Reads what stands behind `connection authorized: user=`, if it is a session over TDS.
///
/// None for any other record. A record of PostgreSQL's own protocol has ` database=` behind the user, and no comma.
pub(super) fn session<'a>(names: &'a [u8], context: &Context<'a>) -> Option<Message<'a>> {
    let user = match context.user {
        Some(user) => names.strip_prefix(user).filter(|rest| rest.starts_with(b",")).map(|_| user)?,
        None => {
            let comma = memmem::find(names, b",")?;
            names.get(..comma).filter(|user| memmem::find(user, b" database=").is_none())?
        }
    };
    let rest = names.get(user.len() + 1..)?;
    let at = memmem::rfind(rest, VERSION)?;
    let (application, version) = rest.split_at_checked(at)?;
    let application = match application {
        [] => None,
        application => Some(application.strip_prefix(b" application=")?.strip_suffix(b",")?),
    };
    let mut grammar =
        (tag::<_, &[u8], Error<&[u8]>>(VERSION), hex_digit1, opt(tag(&b"."[..])), alt((eof, tag(&b" GSS ("[..]))));
    grammar.parse_complete(version).ok()?;
    let client = Client {
        user: text(user),
        database: context.database.and_then(text),
        address: context.address.and_then(text),
        application: application.and_then(text),
    };
    Some(Message::About(client, SessionStep::Connected(Transport::Unknown)))
}

#[cfg(test)]
mod tests {
    use super::super::message::log_message;
    use super::*;

    /// Rows: what stands behind the user, the application, and whether it is a session over TDS.
    #[test]
    fn a_session_over_tds_has_an_unknown_transport() {
        let rows = [
            (", application=sqlcmd, Tds Version=0x74000004.", Some("sqlcmd"), true),
            (", application=sqlcmd, Tds Version=0x74000004", Some("sqlcmd"), true),
            (", Tds Version=0x74000004.", None, true),
            (", application=a, Tds Version=0x1., Tds Version=0x74000004.", Some("a, Tds Version=0x1."), true),
            (", Tds Version=0x74000004. GSS (authenticated=yes, encrypted=yes, principal=a)", None, true),
            (" database=orders application_name=x, Tds Version=0x74000004.", None, false),
            (", application=sqlcmd, Tds Version=0x", None, false),
            (", application=sqlcmd", None, false),
        ];
        for (rest, application, is_tds) in rows {
            let text = format!("connection authorized: user=app{rest}");
            for user in [None, Some(&b"app"[..])] {
                let database = user.map(|_| &b"orders"[..]);
                let context = Context { address: Some(b"10.0.0.7"), user, database, marks_tls: true, quoted: false };
                match log_message(text.as_bytes(), &context) {
                    Message::About(client, SessionStep::Connected(Transport::Unknown)) if is_tds => {
                        assert_eq!(client.application.as_deref(), application.map(str::as_bytes), "{text}");
                    }
                    Message::About(_, SessionStep::Connected(Transport::Plaintext)) if rest.starts_with(' ') => {}
                    Message::Malformed(_) if !is_tds => {}
                    other => panic!("{text}: {other:?}"),
                }
            }
        }
    }
}
