//! Clients of a model server: some want no more than their sessions, and others write what harms them.

use std::collections::VecDeque;

use super::session::{Logger, Session, SessionStep};

/// When the log begins: 2026-11-23 10:00:00 UTC.
const BEGINS: i64 = 1_795_428_000;

/// Text that records hold, and that readers look for.
const MARKS: &[&[u8]] = &[
    b"\n",
    b"\n\t",
    b"\r\n",
    b"\0",
    b"\t",
    b" ",
    b"\"",
    b"\"\"",
    b"'",
    b"\\",
    b",",
    b"@",
    b":",
    b"]:",
    b" * ",
    b"(",
    b")",
    b"<",
    b"LOG:  ",
    b"FATAL:  ",
    b"CONTEXT:  ",
    b"STATEMENT:  ",
    b"DETAIL:  ",
    b"connection authorized: user=",
    b"Verbindung autorisiert: Benutzer=",
    b" SSL enabled (protocol=TLSv1.3, cipher=F, bits=1)",
    b"SSL enabled (",
    b" using SSL/TLS",
    b" using TCP/IP",
    b" using Socket",
    b" using ",
    b" on ",
    b" as ",
    b"Access denied for user 'x'@'y' (using password: YES)",
    b"Access denied for user 'x'@'y' to database 'orders'",
    b"Connect\t",
    b"Query\t",
    b"Quit\t",
    b"[Your log message was truncated]",
    b"[unknown]",
    b"(PROTOCOL=tcp)",
    b"(PROTOCOL=tcps)",
    b" * establish * ORDERS * 0",
    b",CONNECT,",
    b",DISCONNECT,,,0,SSL",
    b",FAILED_CONNECT,,,1045,TCP/IP",
    b"Login succeeded for user '",
    b" [CLIENT: 10.0.0.1]",
    b"\"authenticate\"",
    b"</txt></msg>",
    b"\xff",
    b"2026-11-23 09:00:00 UTC",
    b"261123  9:00:00\t",
    b"000101 00:00:00\t",
    b"300101 00:00:00\t",
    b"TCP Port: 3306  Unix socket: (null)",
    b"# Time: 261123 10:00:00",
];

/// A session that a client opened, and of which the log must tell.
#[derive(Clone, Debug)]
pub struct Opened {
    pub user: Vec<u8>,
    pub address: &'static str,
    pub tls: bool,
    /// Seconds since 1970.
    pub at: i64,
}

impl std::fmt::Display for Opened {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user, address, tls, at } = self;
        let transport = if *tls { "TLS" } else { "no TLS" };
        write!(out, "{} from {address} with {transport} at {at}", String::from_utf8_lossy(user))
    }
}

/// A log, and what it must tell.
pub struct Log {
    pub text: Vec<u8>,
    pub opened: Vec<Opened>,
    /// When it ends, in seconds since 1970.
    pub until: i64,
    /// What was done, for a person to read.
    pub deeds: Vec<String>,
}

/// A model of a server and its clients.
pub struct World<'l> {
    logger: &'l mut dyn Logger,
    random: fastrand::Rng,
    now: i64,
    next_id: u64,
    /// What is still to happen in each session.
    running: Vec<(Session, VecDeque<SessionStep>)>,
    log: Log,
    /// Most parts that a hostile text is made of, and one in how many clients writes any.
    parts: usize,
    hostile: u8,
}

impl<'l> World<'l> {
    pub fn new(logger: &'l mut dyn Logger, seed: u64) -> Self {
        let text = logger.heading();
        let mut random = fastrand::Rng::with_seed(seed);
        let (parts, hostile) = (random.usize(1..9), random.u8(2..9));
        let log = Log { text, opened: Vec::new(), until: BEGINS, deeds: Vec::new() };
        Self { logger, random, now: BEGINS, next_id: 8, running: Vec::new(), log, parts, hostile }
    }

    /// Lets `steps` steps happen, and then ends all sessions.
    pub fn run(mut self, steps: usize) -> Log {
        // A log shows what it is before anything hostile is in it.
        for _ in 0..3 {
            let honest = self.honest();
            self.running.push(honest);
            self.drain();
        }
        for _ in 0..steps {
            self.now += [0, 0, 0, 1, 1, 2, 60][self.random.usize(..7)];
            if self.running.is_empty() || self.random.u8(..3) == 0 {
                let is_hostile = self.random.u8(..self.hostile) == 0;
                let session = if is_hostile { self.hostile() } else { self.honest() };
                self.running.push(session);
            }
            let at = self.random.usize(..self.running.len());
            self.step(at);
        }
        self.drain();
        self.log.until = self.now;
        self.log
    }

    fn drain(&mut self) {
        while !self.running.is_empty() {
            let at = self.random.usize(..self.running.len());
            self.step(at);
        }
    }

    fn step(&mut self, at: usize) {
        let (session, steps) = &mut self.running[at];
        let Some(step) = steps.pop_front() else {
            self.running.swap_remove(at);
            return;
        };
        let written = self.logger.write(self.now, session, &step);
        self.log.deeds.push(format!("{} {session:?}: {step:?}", self.now));
        if matches!(step, SessionStep::Begins) && session.honest {
            let Session { user, address, tls, .. } = session;
            self.log.opened.push(Opened { user: user.clone(), address, tls: *tls, at: self.now });
        }
        self.log.text.extend(written);
    }

    fn number(&mut self) -> u64 {
        self.next_id += self.random.u64(1..3);
        self.next_id
    }

    fn honest(&mut self) -> (Session, VecDeque<SessionStep>) {
        let name = self.random.u8(..4);
        let session = Session {
            user: format!("victim-{name}").into_bytes(),
            database: b"orders".to_vec(),
            application: b"shop".to_vec(),
            address: ["10.0.0.7", "10.0.0.8"][self.random.usize(..2)],
            port: self.random.u16(40_000..),
            id: self.number(),
            tls: self.random.bool(),
            honest: true,
        };
        let mut steps = VecDeque::from([SessionStep::Arrives, SessionStep::Authenticates, SessionStep::Begins]);
        if self.random.bool() {
            steps.push_back(SessionStep::States(b"select 1".to_vec()));
        }
        if self.random.bool() {
            steps.push_back(SessionStep::Ends);
        }
        (session, steps)
    }

    fn hostile(&mut self) -> (Session, VecDeque<SessionStep>) {
        let (user_max, database_max) = self.logger.names();
        let plain = self.random.bool();
        let session = Session {
            user: if plain { b"mallory".to_vec() } else { self.name(user_max) },
            database: if self.random.bool() { b"orders".to_vec() } else { self.name(database_max) },
            application: self.name(300),
            // Behind the same proxy as the others.
            address: ["10.0.0.7", "10.0.0.8", "10.0.0.66"][self.random.usize(..3)],
            port: self.random.u16(40_000..),
            id: self.number(),
            tls: self.random.bool(),
            honest: false,
        };
        let mut steps = VecDeque::from([SessionStep::Arrives]);
        if self.random.bool() {
            steps.push_back(SessionStep::IsRefused);
            return (session, steps);
        }
        steps.extend([SessionStep::Authenticates, SessionStep::Begins]);
        for _ in 0..self.random.usize(..3) {
            let text = self.text(2000);
            steps.push_back(match self.random.u8(..3) {
                0 => SessionStep::States(text),
                1 => SessionStep::Fails(text),
                _ => SessionStep::Raises(text),
            });
        }
        steps.push_back(SessionStep::Ends);
        (session, steps)
    }

    fn name(&mut self, most: usize) -> Vec<u8> {
        let mut name = self.text(most);
        name.retain(|byte| *byte != 0);
        name
    }

    /// Text of at most `most` bytes that is made of marks, of others' names and numbers, and of parts of records.
    fn text(&mut self, most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..1 + self.random.usize(..self.parts) {
            match self.random.u8(..6) {
                0..=2 => text.extend_from_slice(MARKS[self.random.usize(..MARKS.len())]),
                3 => {
                    let (session, _) = self.other();
                    text.extend(match self.random.u8(..4) {
                        0 => session.id.to_string().into_bytes(),
                        1 => [session.user.as_slice(), b"@", &session.database].concat(),
                        2 => format!("[{}]:", session.id).into_bytes(),
                        _ => [&session.user, format!("@{} on orders", session.address).as_bytes()].concat(),
                    });
                }
                4 => text.extend(self.forged()),
                _ => {
                    let forged = self.forged();
                    let from = self.random.usize(..=forged.len());
                    let to = self.random.usize(from..=forged.len());
                    text.extend_from_slice(&forged[from..to]);
                }
            }
        }
        text.truncate(most);
        if !self.logger.takes_zeros() {
            text.retain(|byte| *byte != 0);
        }
        text
    }

    /// A record that this server would write of another's session.
    fn forged(&mut self) -> Vec<u8> {
        let (mut session, _) = self.other();
        if self.random.bool() {
            session.tls = !session.tls;
        }
        let step = match self.random.u8(..6) {
            0 => SessionStep::Arrives,
            1 | 2 => SessionStep::Begins,
            3 => SessionStep::IsRefused,
            4 => SessionStep::Raises(b"x".to_vec()),
            _ => SessionStep::Ends,
        };
        let at = self.now + [0, 0, 1, 3600, -3600, -800_000_000][self.random.usize(..6)];
        let mut record = self.logger.copy().write(at, &session, &step);
        if self.random.bool() {
            record.insert(0, b'\n');
        }
        record
    }

    /// A session of someone else, that goes on if there is one.
    fn other(&mut self) -> (Session, VecDeque<SessionStep>) {
        let honest = self.honest();
        let known: Vec<_> = self.running.iter().filter(|(session, _)| session.honest).cloned().collect();
        if known.is_empty() { honest } else { known[self.random.usize(..known.len())].clone() }
    }
}
