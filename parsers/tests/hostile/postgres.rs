//! Models of PostgreSQL's loggers: `elog.c`, `csvlog.c`, `jsonlog.c`, with the messages of version 16.

use super::session::{Logger, Session, SessionStep, time};

const CIPHER: &str = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";
/// What runs where the server has no session yet.
const UNKNOWN: &[u8] = b"[unknown]";

/// A severity with its message, and the lines that go with it.
type Report = (&'static str, Vec<u8>);

/// What the server reports of a step; the first entry is the message.
fn reports(session: &Session, step: &SessionStep) -> Vec<Report> {
    let Session { address, port, .. } = session;
    let user = session.user.as_slice();
    let raised = |text: &[u8]| {
        vec![
            ("LOG", text.to_vec()),
            ("CONTEXT", b"PL/pgSQL function inline_code_block line 1 at RAISE".to_vec()),
            ("STATEMENT", [b"do $x$ begin raise log '%', '", text, b"'; end $x$"].concat()),
        ]
    };
    match step {
        SessionStep::Arrives => vec![("LOG", format!("connection received: host={address} port={port}").into_bytes())],
        SessionStep::Authenticates => {
            let method = b"\" method=scram-sha-256 (/rdsdbdata/config/pg_hba.conf:12)";
            vec![("LOG", [b"connection authenticated: identity=\"", user, method].concat())]
        }
        SessionStep::Begins => {
            let application = clean(&session.application);
            let named: &[u8] = if application.is_empty() { b"" } else { b" application_name=" };
            let tls = if session.tls { CIPHER.as_bytes() } else { b"" };
            let message =
                [b"connection authorized: user=", user, b" database=", &session.database, named, &application];
            vec![("LOG", [message.concat(), tls.to_vec()].concat())]
        }
        SessionStep::IsRefused => vec![
            ("FATAL", [b"password authentication failed for user \"", user, b"\""].concat()),
            (
                "DETAIL",
                b"Connection matched file \"/rdsdbdata/config/pg_hba.conf\" line 12: \"hostssl all all all scram\""
                    .to_vec(),
            ),
        ],
        SessionStep::States(text) => vec![("LOG", [b"statement: ", text.as_slice()].concat())],
        SessionStep::Fails(text) => vec![
            (
                "ERROR",
                [
                    b"relation \"",
                    text.get(..text.len().min(63)).unwrap_or_default(),
                    b"\" does not exist at character 15",
                ]
                .concat(),
            ),
            ("STATEMENT", text.clone()),
        ],
        SessionStep::Raises(text) => raised(text),
        SessionStep::Ends => {
            let from = format!(" host={address} port={port}");
            let message = [b"disconnection: session time: 0:00:01.123 user=", user, b" database=", &session.database];
            vec![("LOG", [message.concat(), from.into_bytes()].concat())]
        }
    }
}

/// `pg_clean_ascii` of version 16: what cannot be printed as `\xNN`, cut at 63 bytes before.
fn clean(name: &[u8]) -> Vec<u8> {
    let name = name.get(..name.len().min(63)).unwrap_or_default();
    let printed = |byte: &u8| match byte {
        32..=126 => vec![*byte],
        _ => format!("\\x{byte:02x}").into_bytes(),
    };
    name.iter().flat_map(printed).collect()
}

/// Whether a step stands before the server knows who it is.
fn is_early(step: &SessionStep) -> bool {
    matches!(step, SessionStep::Arrives)
}

/// The application of a session that is established; before that, it has none.
fn application(session: &Session, step: &SessionStep) -> Vec<u8> {
    let established =
        matches!(step, SessionStep::States(_) | SessionStep::Fails(_) | SessionStep::Raises(_) | SessionStep::Ends);
    if established { clean(&session.application) } else { Vec::new() }
}

/// `log_destination = stderr`.
#[derive(Clone)]
pub struct Stderr(pub &'static str);

impl Stderr {
    /// `log_line_prefix`; names are written raw.
    fn prefix(&self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let mut line = Vec::new();
        let mut setting = self.0.bytes();
        let or_unknown = |name: &[u8]| if is_early(step) || name.is_empty() { UNKNOWN.to_vec() } else { name.to_vec() };
        while let Some(byte) = setting.next() {
            if byte != b'%' {
                line.push(byte);
                continue;
            }
            line.extend(match setting.next() {
                Some(b't') => time(at, "%Y-%m-%d %H:%M:%S UTC").into_bytes(),
                Some(b'm') => time(at, "%Y-%m-%d %H:%M:%S.000 UTC").into_bytes(),
                Some(b's') => time(at - 1, "%Y-%m-%d %H:%M:%S UTC").into_bytes(),
                Some(b'r') => format!("{}({})", session.address, session.port).into_bytes(),
                Some(b'h') => session.address.as_bytes().to_vec(),
                Some(b'u') => or_unknown(&session.user),
                Some(b'd') => or_unknown(&session.database),
                Some(b'a') => or_unknown(&application(session, step)),
                Some(b'p') => session.id.to_string().into_bytes(),
                Some(b'l') => b"3".to_vec(),
                Some(b'e') => b"00000".to_vec(),
                Some(b'v') => b"3/1".to_vec(),
                Some(b'x') => b"0".to_vec(),
                Some(b'c') => format!("{at:x}.{:x}", session.id).into_bytes(),
                _ => Vec::new(),
            });
        }
        line
    }
}

impl Logger for Stderr {
    fn of(&self) -> (&'static str, &'static str) {
        ("postgres", "stderr")
    }

    fn names(&self) -> (usize, usize) {
        (63, 63)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let mut written = Vec::new();
        for (severity, message) in reports(session, step) {
            written.extend(self.prefix(at, session, step));
            written.extend_from_slice(severity.as_bytes());
            written.extend_from_slice(b":  ");
            for byte in message {
                written.push(byte);
                if byte == b'\n' {
                    written.push(b'\t');
                }
            }
            written.push(b'\n');
        }
        written
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}

/// The text of one of the reports that go with a message.
fn beside(reports: &[Report], severity: &str) -> Option<Vec<u8>> {
    reports.iter().find(|(found, _)| *found == severity).map(|(_, text)| text.clone())
}

/// `log_destination = csvlog`.
#[derive(Clone)]
pub struct Csv;

impl Logger for Csv {
    fn of(&self) -> (&'static str, &'static str) {
        ("postgres", "csvlog")
    }

    fn names(&self) -> (usize, usize) {
        (63, 63)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let quoted = |text: Option<Vec<u8>>| {
            let Some(text) = text else { return Vec::new() };
            let escaped = text.iter().flat_map(|byte| if *byte == b'"' { vec![b'"'; 2] } else { vec![*byte] });
            [vec![b'"'], escaped.collect(), vec![b'"']].concat()
        };
        let known = |name: &[u8]| (!is_early(step)).then(|| name.to_vec());
        let all = reports(session, step);
        let (severity, message) = all.first().cloned().expect("a report");
        let tag = match step {
            SessionStep::Arrives => "",
            SessionStep::Authenticates | SessionStep::Begins | SessionStep::IsRefused => "authentication",
            SessionStep::Ends => "idle",
            _ => "SELECT",
        };
        let now = time(at, "%Y-%m-%d %H:%M:%S.000 UTC").into_bytes();
        let columns = [
            now.clone(),
            quoted(known(&session.user)),
            quoted(known(&session.database)),
            session.id.to_string().into_bytes(),
            quoted(Some(format!("{}:{}", session.address, session.port).into_bytes())),
            format!("{at:x}.{:x}", session.id).into_bytes(),
            b"2".to_vec(),
            quoted(Some(tag.into())),
            time(at, "%Y-%m-%d %H:%M:%S UTC").into_bytes(),
            b"3/1".to_vec(),
            b"0".to_vec(),
            severity.as_bytes().to_vec(),
            b"00000".to_vec(),
            quoted(Some(message)),
            quoted(beside(&all, "DETAIL")),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            quoted(beside(&all, "CONTEXT")),
            quoted(beside(&all, "STATEMENT")),
            Vec::new(),
            Vec::new(),
            quoted(Some(application(session, step))),
            quoted(Some(b"client backend".to_vec())),
            Vec::new(),
            b"0".to_vec(),
        ];
        [columns.join(&b','), vec![b'\n']].concat()
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}

/// `log_destination = jsonlog`.
#[derive(Clone)]
pub struct Json;

impl Logger for Json {
    fn of(&self) -> (&'static str, &'static str) {
        ("postgres", "jsonlog")
    }

    fn names(&self) -> (usize, usize) {
        (63, 63)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let text = |bytes: &[u8]| serde_json::Value::from(String::from_utf8_lossy(bytes).into_owned());
        let all = reports(session, step);
        let (severity, message) = all.first().cloned().expect("a report");
        let mut members = vec![("timestamp", text(time(at, "%Y-%m-%d %H:%M:%S.000 UTC").as_bytes()))];
        if !is_early(step) {
            members.extend([("user", text(&session.user)), ("dbname", text(&session.database))]);
        }
        members.extend([
            ("pid", session.id.into()),
            ("remote_host", text(session.address.as_bytes())),
            ("remote_port", session.port.into()),
            ("session_id", text(format!("{at:x}.{:x}", session.id).as_bytes())),
            ("line_num", 2.into()),
            ("ps", text(if is_early(step) { b"" } else { b"authentication" })),
            ("error_severity", text(severity.as_bytes())),
            ("message", text(&message)),
        ]);
        for (severity, name) in [("DETAIL", "detail"), ("CONTEXT", "context"), ("STATEMENT", "statement")] {
            members.extend(beside(&all, severity).map(|told| (name, text(&told))));
        }
        let application = application(session, step);
        if !application.is_empty() {
            members.push(("application_name", text(&application)));
        }
        members.push(("backend_type", text(b"client backend")));
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}\n", members.join(",")).into_bytes()
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}
