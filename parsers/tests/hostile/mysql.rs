//! Models of the general logs (`sql/log.cc`) and of the audit plugins (`server_audit.c`).

use super::session::{Logger, Session, SessionStep, time};

/// Whose general log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// MySQL's: every record has a time.
    Iso,
    /// MariaDB's: a record has a time where the second changes.
    Old,
}

/// `general_log = 1`.
#[derive(Clone)]
pub struct General {
    pub clock: Clock,
    /// The second that was written last.
    pub last: i64,
}

impl General {
    fn record(&mut self, at: i64, session: &Session, command: &str, argument: &[u8]) -> Vec<u8> {
        let stamp = match self.clock {
            Clock::Iso => time(at, "%Y-%m-%dT%H:%M:%S.000000Z\t"),
            Clock::Old if self.last == at => "\t\t".to_owned(),
            Clock::Old => time(at, "%y%m%d %k:%M:%S\t"),
        };
        self.last = at;
        let head = match self.clock {
            Clock::Iso => format!("{stamp}{:5} {command}\t", session.id),
            Clock::Old => format!("{stamp}{:6} {command}\t", session.id),
        };
        [head.as_bytes(), argument, b"\n"].concat()
    }
}

impl Logger for General {
    fn of(&self) -> (&'static str, &'static str) {
        (if self.clock == Clock::Iso { "mysql" } else { "mariadb" }, "general")
    }

    fn heading(&self) -> Vec<u8> {
        let version = if self.clock == Clock::Iso {
            "mysqld, Version: 8.0.40 (Source distribution)"
        } else {
            "mariadbd, Version: 10.11.9-MariaDB-log (managed by https://aws.amazon.com/rds/)"
        };
        format!("/rdsdbbin/{version}. started with:\nTcp port: 3306  Unix socket: /tmp/mysql.sock\nTime                 Id Command    Argument\n").into_bytes()
    }

    fn takes_zeros(&self) -> bool {
        true
    }

    fn names(&self) -> (usize, usize) {
        (if self.clock == Clock::Iso { 96 } else { 384 }, 192)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let from = format!("@{} on ", session.address);
        let using: &[u8] = if session.tls { b" using SSL/TLS" } else { b" using TCP/IP" };
        match step {
            SessionStep::Arrives | SessionStep::Authenticates => Vec::new(),
            SessionStep::Begins => {
                let who = [&session.user, from.as_bytes(), &session.database, using].concat();
                self.record(at, session, "Connect", &who)
            }
            SessionStep::IsRefused => {
                let who = [&session.user, from.as_bytes(), &session.database, using].concat();
                let why = [
                    b"Access denied for user '",
                    session.user.as_slice(),
                    b"'@'",
                    session.address.as_bytes(),
                    b"' (using password: YES)",
                ];
                let attempt = self.record(at, session, "Connect", &who);
                [attempt, self.record(at, session, "Connect", &why.concat())].concat()
            }
            SessionStep::States(text) | SessionStep::Fails(text) => self.record(at, session, "Query", text),
            SessionStep::Raises(text) => self.record(at, session, "Prepare", text),
            SessionStep::Ends => self.record(at, session, "Quit", b""),
        }
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}

/// The audit log of RDS for MySQL: statements are quoted, names are not.
#[derive(Clone)]
pub struct Audit;

impl Logger for Audit {
    fn of(&self) -> (&'static str, &'static str) {
        ("mysql", "audit")
    }

    fn names(&self) -> (usize, usize) {
        (96, 192)
    }

    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8> {
        let head = [
            time(at, "%Y%m%d %H:%M:%S,ip-10-1-2-3,").as_bytes(),
            &session.user,
            format!(",{},{},", session.address, session.id).as_bytes(),
        ]
        .concat();
        let transport: &[u8] = if session.tls { b"SSL" } else { b"TCP/IP" };
        let of = |operation: &str, code: u32| {
            [
                head.as_slice(),
                format!("0,{operation},").as_bytes(),
                &session.database,
                format!(",,{code},").as_bytes(),
                transport,
                b"\n",
            ]
            .concat()
        };
        match step {
            SessionStep::Arrives | SessionStep::Authenticates => Vec::new(),
            SessionStep::Begins => of("CONNECT", 0),
            SessionStep::IsRefused => [of("FAILED_CONNECT", 1045), of("DISCONNECT", 0)].concat(),
            SessionStep::States(text) | SessionStep::Fails(text) | SessionStep::Raises(text) => {
                let escaped = text.iter().flat_map(|byte| match byte {
                    b'\n' => b"\\n".to_vec(),
                    b'\r' => b"\\r".to_vec(),
                    b'\t' => b"\\t".to_vec(),
                    b'\'' | b'\\' => vec![b'\\', *byte],
                    byte => vec![*byte],
                });
                [head.as_slice(), b"7,QUERY,", &session.database, b",'", &escaped.collect::<Vec<u8>>(), b"',0,,\n"]
                    .concat()
            }
            SessionStep::Ends => of("DISCONNECT", 0),
        }
    }

    fn copy(&self) -> Box<dyn Logger> {
        Box::new(self.clone())
    }
}
