//! Clients: how they connect, and when.

use fastrand::Rng;

use super::{BEGIN, NOW, WINDOW};

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// How a session is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tls,
    Plaintext,
    Gss,
    Local,
}

/// When a client connects. Times are seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    /// A pool that was opened long ago, and is open still.
    AlwaysOn,
    /// The same, until it was opened anew.
    Restarted(i64),
    /// A pool whose sessions are closed after so many seconds, and opened again.
    Recycling(i64),
    /// A job of a minute or two, every so many seconds.
    Every(i64),
    /// A job whose last run was at this time, and whose next is far away.
    LastRun(i64),
    /// So many short sessions, at any time.
    Busy(usize),
}

/// A client of an instance.
#[derive(Clone, Debug)]
pub struct Client {
    pub user: String,
    pub address: String,
    pub transport: Transport,
    /// It checks the certificate: it breaks when that ends.
    pub verifies: bool,
    /// It logs in by IAM.
    pub iam: bool,
    pub schedule: Schedule,
    /// It would use TLS, and is connected without it since the certificate has expired.
    pub fell_back: bool,
    /// From when to when each session was open.
    pub sessions: Vec<(i64, i64)>,
}

impl Client {
    /// A client with its sessions since logs begin, and those that were open then.
    pub fn new(rng: &mut Rng, number: usize, transport: Transport, schedule: Schedule) -> Client {
        let address = match transport {
            Transport::Local => "[local]".to_owned(),
            _ => format!("10.{}.{}.{}", rng.u8(1..99), rng.u8(..), 10 + number),
        };
        let tls = transport == Transport::Tls;
        let (verifies, iam) = (tls && rng.bool(), tls && rng.u8(..8) == 0);
        let sessions = sessions(rng, schedule);
        // Many users share a name, as the services of one application do.
        let user = if rng.u8(..3) == 0 { format!("user{number}") } else { "app".to_owned() };
        Client { user, address, transport, verifies, iam, schedule, fell_back: false, sessions }
    }

    /// Whether it was connected in the window.
    pub fn is_in_window(&self) -> bool {
        self.sessions.iter().any(|(_, to)| *to > WINDOW)
    }

    pub fn is_tls(&self) -> bool {
        self.transport == Transport::Tls
    }

    /// It uses TLS, or would: it breaks if the certificate is not rotated.
    pub fn wants_tls(&self) -> bool {
        self.is_tls() || self.fell_back
    }

    /// The instance was restarted: sessions end, and those that were open are opened again some seconds later.
    pub fn restart(&mut self, rng: &mut Rng, at: i64) {
        let again = at + rng.i64(5..60);
        let parts = |(from, to): (i64, i64)| match from < at && at < to {
            // A job is not repeated.
            true if to - from < HOUR => vec![(from, at)],
            true if again < to => vec![(from, at), (again, to)],
            true => vec![(from, at)],
            false => vec![(from, to)],
        };
        self.sessions = std::mem::take(&mut self.sessions).into_iter().flat_map(parts).collect();
    }

    /// The instance was stopped: nobody is connected any more.
    pub fn stop(&mut self, at: i64) {
        self.sessions.retain(|(from, _)| *from < at);
        self.sessions.iter_mut().for_each(|(_, to)| *to = (*to).min(at));
    }

    /// The part of its sessions that begins at this time or later; they are no longer its own.
    pub fn split_off(&mut self, at: i64) -> Client {
        let (before, after) = std::mem::take(&mut self.sessions).into_iter().partition(|(from, _)| *from < at);
        self.sessions = before;
        Client { sessions: after, ..self.clone() }
    }

    /// The certificate has expired: a client that verifies it cannot connect any more, or falls back to no TLS. Returns the
    /// client that it is from then on.
    pub fn expire(&mut self, rng: &mut Rng, at: i64) -> Option<Client> {
        if !self.is_tls() || !self.verifies {
            return None;
        }
        let after = self.split_off(at);
        // One that gives up is seen no more.
        rng.bool().then_some(Client { transport: Transport::Plaintext, iam: false, fell_back: true, ..after })
    }
}

/// A schedule of the usual kinds.
pub fn usual(rng: &mut Rng) -> Schedule {
    match rng.u8(..20) {
        0..2 => Schedule::AlwaysOn,
        2 => Schedule::Restarted(rng.i64(BEGIN..NOW)),
        3..6 => Schedule::Recycling(rng.choice([10, 30, 30, 120, 600]).unwrap_or(30) * MINUTE),
        6..12 => Schedule::Every(HOUR),
        12..16 => Schedule::Every(DAY),
        16..18 => Schedule::Every(7 * DAY),
        // The last month's end is three weeks ago.
        18 => Schedule::LastRun(NOW - 24 * DAY),
        _ => Schedule::Busy(rng.usize(20..400)),
    }
}

fn sessions(rng: &mut Rng, schedule: Schedule) -> Vec<(i64, i64)> {
    let long_ago = BEGIN - 30 * DAY;
    let many = rng.i64(1..4);
    let pool = |from: i64, to: i64| (0..many).map(move |number| (from + number, to + number));
    let jobs = |rng: &mut Rng, times: &mut dyn Iterator<Item = i64>| -> Vec<(i64, i64)> {
        times.map(|at| (at, at + rng.i64(1..150))).collect()
    };
    let turns = |first: i64, period: i64| (0..).map(move |turn| first + turn * period).take_while(|at| *at < NOW);
    let open: Vec<(i64, i64)> = match schedule {
        Schedule::AlwaysOn => pool(long_ago, i64::MAX / 2).collect(),
        Schedule::Restarted(at) => pool(long_ago, at).chain(pool(at + 5, i64::MAX / 2)).collect(),
        Schedule::Recycling(length) => {
            turns(BEGIN - length, length + 1).flat_map(|from| pool(from, from + length)).collect()
        }
        Schedule::Every(period) => {
            let first = BEGIN - period + rng.i64(0..period);
            jobs(rng, &mut turns(first, period))
        }
        Schedule::LastRun(at) => jobs(rng, &mut [at].into_iter()),
        Schedule::Busy(count) => {
            let times: Vec<i64> = (0..count).map(|_| rng.i64(BEGIN..NOW)).collect();
            jobs(rng, &mut times.into_iter())
        }
    };
    open.into_iter().filter(|(from, to)| *to > BEGIN && *from < NOW).collect()
}
