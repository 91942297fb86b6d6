//! Sessions of a model server, and what of them a server logs.

/// Who asks for a session, from where, and how.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: Vec<u8>,
    pub database: Vec<u8>,
    pub application: Vec<u8>,
    pub address: &'static str,
    pub port: u16,
    /// Number of the server's process or thread.
    pub id: u64,
    pub tls: bool,
    /// Whether it wants no more than its session.
    pub honest: bool,
}

/// What happens in a session.
#[derive(Clone, Debug)]
pub enum SessionStep {
    Arrives,
    /// The server knows who it is.
    Authenticates,
    Begins,
    /// A wrong password.
    IsRefused,
    States(Vec<u8>),
    /// A statement that fails.
    Fails(Vec<u8>),
    /// A statement that writes to the log.
    Raises(Vec<u8>),
    Ends,
}

/// What writes a server's log.
pub trait Logger {
    /// The engine's name and the format's.
    fn of(&self) -> (&'static str, &'static str);

    /// Whether the log shows which transport a session uses.
    fn shows_transport(&self) -> bool {
        true
    }

    /// What the server writes when it opens a log.
    fn heading(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Whether statements may hold zeros. Names are C strings.
    fn takes_zeros(&self) -> bool {
        false
    }

    /// Bytes of a user name and of a database name that reach the log.
    fn names(&self) -> (usize, usize);

    /// What is written of a step, `at` seconds since 1970.
    fn write(&mut self, at: i64, session: &Session, step: &SessionStep) -> Vec<u8>;

    /// The same logger, which no longer changes this one.
    fn copy(&self) -> Box<dyn Logger>;
}

/// `2026-11-23 18:46:24`, and the like.
pub fn time(at: i64, format: &str) -> String {
    jiff::Timestamp::from_second(at).expect("a time").strftime(format).to_string()
}
