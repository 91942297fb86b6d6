//! Models of the loggers of Oracle's listener, SQL Server and DocumentDB.

use super::session::{Logger, Session, SessionStep, time};

/// What a listener or a driver makes of a byte that would end a line.
fn printable(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if byte.is_ascii_control() { b'?' } else { *byte }).collect()
}

/// The listener's log as text. What the client says of itself is written as it came.
#[derive(Clone)]
pub struct Listener;

impl Listener {
    fn record(at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let code: &[u8] = match step {
            SessionStep::Begins => b"0",
            SessionStep::IsRefused => b"12514",
            _ => return Vec::new(),
        };
        let protocol = if session.tls { "tcps" } else { "tcp" };
        let address = format!("(ADDRESS=(PROTOCOL={protocol})(HOST={})(PORT={}))", session.address, session.port);
        [
            time(at, "%d-%b-%Y %H:%M:%S").to_uppercase().as_bytes(),
            b" * (CONNECT_DATA=(SERVICE_NAME=",
            &printable(&session.database),
            b")(CID=(PROGRAM=",
            &printable(&session.application),
            b")(HOST=web-1)(USER=",
            &printable(&session.user),
            b"))) * ",
            address.as_bytes(),
            b" * establish * ",
            &printable(&session.database),
            b" * ",
            code,
            b"\n",
        ]
        .concat()
    }
}

impl Logger for Listener {
    fn of(&self) -> (&'static str, &'static str) {
        ("oracle", "listener")
    }

    fn heading(&self) -> Vec<u8> {
        b"TIMESTAMP * CONNECT DATA [* PROTOCOL INFO] * EVENT [* SID] * RETURN CODE\n".to_vec()
    }

    fn names(&self) -> (usize, usize) {
        (400, 400)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        Self::record(at, session, step)
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}

/// The same as XML.
#[derive(Clone)]
pub struct ListenerXml;

impl Logger for ListenerXml {
    fn of(&self) -> (&'static str, &'static str) {
        ("oracle", "listener-xml")
    }

    fn names(&self) -> (usize, usize) {
        (400, 400)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let record = Listener::record(at, session, step);
        if record.is_empty() {
            return record;
        }
        let escaped = record.iter().flat_map(|byte| match byte {
            b'<' => b"&lt;".to_vec(),
            b'>' => b"&gt;".to_vec(),
            b'&' => b"&amp;".to_vec(),
            byte => vec![*byte],
        });
        let head = format!(
            "<msg time='{}' org_id='oracle' comp_id='tnslsnr'\n type='UNKNOWN' level='16' host_id='db-1'\n host_addr='10.20.0.2' pid='4711'>\n <txt>",
            time(at, "%Y-%m-%dT%H:%M:%S.000+00:00")
        );
        [head.as_bytes(), &escaped.collect::<Vec<u8>>(), b" </txt>\n</msg>\n"].concat()
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}

/// SQL Server's error log, where successful logins are audited.
#[derive(Clone)]
pub struct Errorlog;

impl Logger for Errorlog {
    fn of(&self) -> (&'static str, &'static str) {
        ("sqlserver", "errorlog")
    }

    fn shows_transport(&self) -> bool {
        false
    }

    fn heading(&self) -> Vec<u8> {
        b"2026-11-23 10:00:00.24 Server      Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (X64) \n\
          2026-11-23 10:00:00.24 Server      UTC adjustment: 0:00\n"
            .to_vec()
    }

    fn names(&self) -> (usize, usize) {
        (256, 256)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let now = time(at, "%Y-%m-%d %H:%M:%S.24");
        let client = format!(" [CLIENT: {}]\n", session.address);
        match step {
            SessionStep::Begins => [
                now.as_bytes(),
                b" Logon       Login succeeded for user '",
                &session.user,
                b"'. Connection made using SQL Server authentication.",
                client.as_bytes(),
            ]
            .concat(),
            SessionStep::IsRefused => [
                now.as_bytes(),
                b" Logon       Login failed for user '",
                &session.user,
                b"'. Reason: Password did not match that for the login provided.",
                client.as_bytes(),
            ]
            .concat(),
            SessionStep::Raises(text) => {
                format!("{now} spid{}      {}\n", session.id % 100, String::from_utf8_lossy(text)).into_bytes()
            }
            _ => Vec::new(),
        }
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}

/// DocumentDB's audit log.
#[derive(Clone)]
pub struct DocumentDb;

impl Logger for DocumentDb {
    fn of(&self) -> (&'static str, &'static str) {
        ("docdb", "audit")
    }

    fn shows_transport(&self) -> bool {
        false
    }

    fn names(&self) -> (usize, usize) {
        (400, 400)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let text = |bytes: &[u8]| serde_json::Value::from(String::from_utf8_lossy(bytes).into_owned());
        let user = text(&session.user);
        let (atype, param) = match step {
            SessionStep::Begins | SessionStep::IsRefused => {
                let success = matches!(step, SessionStep::Begins);
                (
                    "authenticate",
                    format!(
                        "{{\"user\":{user},\"mechanism\":\"SCRAM-SHA-1\",\"success\":{success},\"message\":\"\",\"error\":0}}"
                    ),
                )
            }
            SessionStep::States(told) | SessionStep::Fails(told) | SessionStep::Raises(told) => (
                "find",
                format!(
                    "{{\"ns\":{},\"filter\":{{\"atype\":\"authenticate\",\"text\":{}}}}}",
                    text(&session.database),
                    text(told)
                ),
            ),
            _ => return Vec::new(),
        };
        format!(
            "{{\"atype\":\"{atype}\",\"ts\":{at}000,\"timestamp_utc\":\"{}\",\"remote_ip\":\"{}:{}\",\"user\":\"\",\"param\":{param}}}\n",
            time(at, "%Y-%m-%d %H:%M:%S.000"),
            session.address,
            session.port
        )
        .into_bytes()
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}
