//! An instance that is made up, with what is true of it.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::client::{Client, DAY, HOUR, MINUTE, Schedule, Transport, usual};
use super::log::{Kind, Record, What, begun, time};
use super::settings::{Settings, Switch};
use super::{BEGIN, NOW, WINDOW, metrics};
use crate::fake_aws::{Fault, LogFile, Metric, RdsEvent};

/// An instance, and all that the services would say of it.
pub struct Case {
    /// The seed that makes this instance, or its cluster, and no other.
    pub seed: u64,
    /// The identifier of the instance.
    pub id: String,
    pub kind: Kind,
    pub clients: Vec<Client>,
    pub settings: Settings,
    pub files: BTreeMap<String, LogFile>,
    pub metrics: Vec<Metric>,
    pub events: Vec<RdsEvent>,
    pub faults: Vec<Fault>,
    /// Its logs are in CloudWatch Logs, and of the newest alone there are files; late events come so many seconds late.
    pub exported: Option<i64>,
    pub proxied: bool,
    /// When it was restarted.
    pub restarted: Option<i64>,
    logged: Logged,
    /// The span of a file that lost lines without a trace.
    lost: Option<(i64, i64)>,
    pub region: &'static str,
    /// What went wrong with its logs, to be printed.
    pub trouble: Vec<String>,
}

/// When sessions were written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logged {
    Always,
    Never,
    /// The setting says so, and the instance does not run with it.
    Pending,
    From(i64),
    Until(i64),
    AllBut(i64, i64),
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// It is not there.
    Gone,
    /// It is listed, and gone when it is read.
    Vanishes,
    /// It is renamed while it is read.
    Renamed,
    /// Its end is missing.
    Cut,
    /// A part of a line cannot be read.
    Unreadable,
}

const KINDS: &[(u32, Kind)] = &[
    (7, Kind::Stderr),
    (3, Kind::Csv),
    (3, Kind::AuroraStderr),
    (3, Kind::MysqlAudit),
    (1, Kind::MysqlGeneral),
    (1, Kind::MariadbGeneral),
    (1, Kind::AuroraAudit),
];

const REGIONS: &[&str] = &["us-east-1", "us-west-2", "eu-west-1", "ap-south-1"];

impl Case {
    /// An instance, or the members of a cluster: its writer and a reader.
    pub fn new(seed: u64) -> Vec<Case> {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let kinds: Vec<Kind> = KINDS.iter().flat_map(|(weight, kind)| (0..*weight).map(|_| *kind)).collect();
        let kind = rng.choice(kinds).expect("a kind");
        let length = match kind {
            Kind::MysqlGeneral | Kind::MariadbGeneral => HOUR,
            Kind::MysqlAudit | Kind::AuroraAudit => 12 * HOUR,
            Kind::Stderr | Kind::Csv | Kind::AuroraStderr => {
                HOUR * rng.choice([1, 6, 6, 12, 12, 12, 24, 24, 24]).unwrap_or(24)
            }
        };
        let has_reader = matches!(kind, Kind::AuroraStderr | Kind::AuroraAudit) && rng.bool();
        let logged = logged(rng);
        let settings = Settings::new(rng, kind, length / MINUTE, switch(logged));
        let region = rng.choice(REGIONS).copied().unwrap_or("us-east-1");
        let drafts = (0..1 + usize::from(has_reader)).map(|number| {
            let id = if number == 0 { format!("db-{seed}") } else { format!("db-{seed}-reader") };
            // A reader has a certificate and a state of its own.
            let mut settings = settings.clone();
            if number > 0 {
                settings.of_reader(rng);
            }
            Draft::new(rng, id, (kind, length, logged), settings)
        });
        let mut drafts: Vec<Draft> = drafts.collect();
        // The clients of the writer and those of the reader change places.
        let failover = (has_reader && rng.bool()).then(|| rng.i64(WINDOW..NOW));
        if let (Some(at), [writer, reader]) = (failover, drafts.as_mut_slice()) {
            let after = |rng: &mut Rng, draft: &mut Draft| -> Vec<Client> {
                draft.clients.iter_mut().map(|client| client.restart(rng, at)).for_each(drop);
                draft.clients.iter_mut().map(|client| client.split_off(at)).collect()
            };
            let (of_writer, of_reader) = (after(rng, writer), after(rng, reader));
            writer.clients.extend(of_reader);
            reader.clients.extend(of_writer);
        }
        let cases = drafts.into_iter().map(|draft| draft.finish(rng, seed, region));
        let mut cases: Vec<Case> = cases.collect();
        let failover = failover.map(|at| format!("failover at {}", time(at)));
        cases.iter_mut().for_each(|case| case.trouble.extend(failover.clone()));
        cases
    }

    /// Whether sessions were not written to the log at this time, and were an hour before or an hour behind it.
    pub fn is_briefly_off(&self, at: i64) -> bool {
        let near = || (-60..=60).any(|minute| self.logged.is_on(at + minute * MINUTE));
        !self.logged.is_on(at) && near()
    }

    /// Whether what was written at this time may be lost from a file that looks whole.
    pub fn is_lost(&self, at: i64) -> bool {
        self.lost.is_some_and(|(from, to)| (from..to).contains(&at))
    }
}

/// An instance whose clients may still change.
struct Draft {
    id: String,
    kind: Kind,
    /// Seconds of a log file.
    length: i64,
    logged: Logged,
    settings: Settings,
    clients: Vec<Client>,
    damage: Option<(i64, Damage)>,
    exported: Option<i64>,
}

impl Draft {
    fn new(rng: &mut Rng, id: String, (kind, length, logged): (Kind, i64, Logged), settings: Settings) -> Draft {
        let exported = (kind != Kind::Csv && !kind.is_general() && rng.u8(..12) == 0).then(|| rng.i64(2..150) * MINUTE);
        let damage = damage(rng, length).filter(|_| exported.is_none());
        let spots = spots(rng, logged, damage, length);
        let mut clients = clients(rng, &spots);
        settings.hold(&mut clients);
        Draft { id, kind, length, logged, settings, clients, damage, exported }
    }

    fn finish(self, rng: &mut Rng, seed: u64, region: &'static str) -> Case {
        let Draft { id, kind, length, logged, settings, mut clients, damage, exported } = self;
        let mut trouble = vec![format!("{logged:?}, files of {} h, exported: {exported:?}", length / HOUR)];
        let (restarted, mut events) = restarts(rng, &id, &mut clients, &mut trouble);
        if let Some(at) = settings.expired() {
            let fallen_back: Vec<Client> = clients.iter_mut().filter_map(|client| client.expire(rng, at)).collect();
            clients.extend(fallen_back);
        }
        let stopped = (settings.status == "stopped").then(|| rng.i64(WINDOW..NOW));
        if let Some(at) = stopped {
            clients.iter_mut().for_each(|client| client.stop(at));
            events.push(event(&id, at + 30, "DB instance stopped"));
        }
        let proxied = rng.u8(..40) == 0;
        let disconnections = !kind.is_postgres() || rng.u8(..3) > 0;
        let end = stopped.unwrap_or(NOW);
        let mut texts = texts(kind, &clients, (logged, disconnections), (length, end));
        // Those that RDS has deleted.
        let kept = if rng.u8(..12) == 0 { DAY } else { rng.i64(3..8) * DAY };
        texts.retain(|from, _| from + length > NOW - kept);
        let mut files = BTreeMap::new();
        let newest = texts.len();
        for (at, (from, text)) in texts.into_iter().enumerate() {
            let mut file = LogFile::new(text, end.min(from + length) * 1000);
            let name = kind.file(from, newest - 1 - at);
            if let Some((begun, damage)) = damage.filter(|(begun, _)| *begun == from) {
                trouble.push(format!("{damage:?}: {name} of {begun}"));
                if !damage.does(rng, &mut file, &name) {
                    continue;
                }
            }
            files.insert(name, file);
        }
        let lost = damage.filter(|(_, damage)| matches!(damage, Damage::Cut | Damage::Unreadable));
        let lost = lost.map(|(from, _)| (from, from + length));
        let metrics = metrics::of(rng, &id, &clients, proxied);
        let faults = if rng.u8(..8) == 0 { metrics::faults(rng, &id) } else { Vec::new() };
        Case {
            seed,
            id,
            kind,
            clients,
            settings,
            files,
            metrics,
            events,
            faults,
            exported,
            proxied,
            restarted,
            logged,
            lost,
            region,
            trouble,
        }
    }
}

/// What happens to an instance by AWS's events: a restart, which ends sessions, and what is none.
fn restarts(
    rng: &mut Rng,
    id: &str,
    clients: &mut [Client],
    trouble: &mut Vec<String>,
) -> (Option<i64>, Vec<RdsEvent>) {
    let (mut restarted, mut events) = (None, Vec::new());
    if rng.u8(..5) == 0 {
        let at = rng.i64(WINDOW..NOW);
        restarted = Some(at);
        clients.iter_mut().for_each(|client| client.restart(rng, at));
        trouble.push(format!("restarted at {}", time(at)));
        // AWS keeps events for some time, and may lose one.
        if rng.u8(..8) > 0 {
            events.push(event(id, at - 20, "DB instance shutdown"));
            events.push(event(id, at + rng.i64(5..90), "DB instance restarted"));
        }
    }
    // Events that prove no restart.
    if rng.u8(..12) == 0 {
        let said =
            rng.choice(["Multi-AZ instance failover started.", "Backing up DB instance", "DB instance shutdown"]);
        events.push(event(id, rng.i64(WINDOW..NOW), said.unwrap_or_default()));
    }
    (restarted, events)
}

fn event(id: &str, at: i64, message: &str) -> RdsEvent {
    RdsEvent {
        source_type: "db-instance".to_owned(),
        source: id.to_owned(),
        message: message.to_owned(),
        categories: vec!["availability".to_owned()],
        date: time(at),
    }
}

fn logged(rng: &mut Rng) -> Logged {
    let at = rng.i64(WINDOW..NOW);
    match rng.u8(..20) {
        0 => Logged::Never,
        1 => Logged::Pending,
        2 => Logged::From(at),
        3 => Logged::Until(at),
        4..6 => Logged::AllBut(at, at + rng.i64(10 * MINUTE..5 * HOUR)),
        _ => Logged::Always,
    }
}

impl Logged {
    fn is_on(self, at: i64) -> bool {
        match self {
            Logged::Always => true,
            Logged::Never | Logged::Pending => false,
            Logged::From(from) => at >= from,
            Logged::Until(to) => at < to,
            Logged::AllBut(from, to) => !(from..to).contains(&at),
        }
    }
}

/// How the setting stands at the end.
fn switch(logged: Logged) -> Switch {
    match logged {
        Logged::Never | Logged::Until(_) => Switch::Off,
        Logged::Pending => Switch::Pending,
        Logged::Always | Logged::From(_) | Logged::AllBut(..) => Switch::On,
    }
}

/// A file that something becomes of, by when it was begun.
fn damage(rng: &mut Rng, length: i64) -> Option<(i64, Damage)> {
    let at = begun(rng.i64(WINDOW..NOW), length);
    let damage = match rng.u8(..24) {
        0..2 => Damage::Gone,
        2 => Damage::Vanishes,
        3 => Damage::Renamed,
        4 => Damage::Cut,
        5..7 => Damage::Unreadable,
        _ => return None,
    };
    Some((at, damage))
}

impl Damage {
    /// Does it; false where the file is not there afterwards.
    fn does(self, rng: &mut Rng, file: &mut LogFile, name: &str) -> bool {
        match self {
            Damage::Gone => return false,
            Damage::Vanishes => file.quirks.vanishes_after = Some(0),
            Damage::Renamed => {
                file.quirks.vanishes_after = Some(0);
                file.quirks.renamed_to = Some(format!("{name}.old"));
            }
            Damage::Cut => file.bytes.truncate(file.bytes.len() * rng.usize(1..10) / 10),
            Damage::Unreadable => {
                // Most telling where TLS is.
                let tls = memchr::memmem::rfind(&file.bytes, b"SSL").filter(|_| rng.bool());
                let from = tls.map_or(rng.usize(..file.bytes.len().max(1)), |at| at.saturating_sub(rng.usize(..120)));
                let bytes = file.bytes.iter_mut().skip(from).take(rng.usize(1..80));
                bytes.filter(|byte| **byte != b'\n').for_each(|byte| *byte = 0xFF);
            }
        }
        true
    }
}

/// Times at which a session is most likely to be overlooked.
fn spots(rng: &mut Rng, logged: Logged, damage: Option<(i64, Damage)>, length: i64) -> Vec<i64> {
    let mut spots = vec![NOW - rng.i64(1..HOUR), WINDOW + rng.i64(-HOUR..HOUR), WINDOW - rng.i64(1..DAY)];
    match logged {
        Logged::Always => {}
        Logged::Never | Logged::Pending => spots.push(rng.i64(WINDOW..NOW)),
        Logged::From(at) => spots.push(rng.i64(WINDOW..=at)),
        Logged::Until(at) => spots.push(rng.i64(at..=NOW)),
        Logged::AllBut(from, to) => spots.push(rng.i64(from..to)),
    }
    spots.extend(damage.map(|(from, _)| rng.i64(from..from + length)));
    spots.retain(|at| *at < NOW);
    // Those of trouble first.
    spots.reverse();
    spots
}

fn clients(rng: &mut Rng, spots: &[i64]) -> Vec<Client> {
    let mut clients = Vec::new();
    let mut add = |rng: &mut Rng, transport, schedule| {
        let client = Client::new(rng, clients.len(), transport, schedule);
        clients.push(client);
    };
    for _ in 0..rng.usize(..4) {
        let transport = match rng.u8(..12) {
            0 => Transport::Gss,
            1 => Transport::Local,
            _ => Transport::Plaintext,
        };
        let schedule = usual(rng);
        add(rng, transport, schedule);
    }
    let hidden = |rng: &mut Rng| {
        let at = spots.get(if rng.bool() { 0 } else { rng.usize(..spots.len()) }).copied().unwrap_or(WINDOW);
        if rng.u8(..3) == 0 { Schedule::Restarted(at) } else { Schedule::LastRun(at) }
    };
    match rng.u8(..20) {
        // Nobody uses TLS.
        0..7 => {}
        7..11 => {
            let schedule = usual(rng);
            add(rng, Transport::Tls, schedule);
        }
        // One in many.
        11 => {
            let (many, at) = (rng.choice([100, 1000, 10_000]).unwrap_or(100), rng.i64(WINDOW..NOW));
            add(rng, Transport::Plaintext, Schedule::Busy(many));
            add(rng, Transport::Tls, Schedule::LastRun(at));
        }
        _ => {
            let schedule = hidden(rng);
            add(rng, Transport::Plaintext, Schedule::Every(HOUR));
            add(rng, Transport::Tls, schedule);
        }
    }
    clients
}

/// The log, by when each file of it was begun.
fn texts(
    kind: Kind,
    clients: &[Client],
    (logged, disconnections): (Logged, bool),
    (length, end): (i64, i64),
) -> BTreeMap<i64, String> {
    let idle = |user: &str| Client {
        user: user.to_owned(),
        address: "[local]".to_owned(),
        transport: Transport::Local,
        verifies: false,
        iam: false,
        schedule: Schedule::AlwaysOn,
        fell_back: false,
        sessions: Vec::new(),
    };
    let own = idle("rdsadmin");
    let mut records = Vec::new();
    // What AWS does of itself.
    let step = if kind.is_general() { MINUTE } else { 5 * MINUTE };
    for at in (BEGIN..NOW).step_by(step as usize) {
        records.push(Record { at: at + 7, begun: at, session: 1, client: &own, what: What::Other });
    }
    let mut session = 10;
    let mut hour = begun(BEGIN, HOUR);
    while hour < NOW {
        for minute in [2, 30, 57] {
            session += 1;
            let at = hour + minute * MINUTE;
            records.push(Record { at, begun: at, session, client: &own, what: What::Connect });
            records.push(Record { at: at + 1, begun: at, session, client: &own, what: What::Disconnect });
        }
        hour += HOUR;
    }
    for client in clients {
        for (from, to) in &client.sessions {
            session += 1;
            records.push(Record { at: *from, begun: *from, session, client, what: What::Connect });
            records.push(Record { at: *to, begun: *from, session, client, what: What::Disconnect });
        }
    }
    records.retain(|record| {
        let written = match record.what {
            What::Other => !kind.is_general() || logged.is_on(record.at),
            What::Connect => logged.is_on(record.at),
            // PostgreSQL has a setting of its own for them.
            What::Disconnect => disconnections && (kind.is_postgres() || logged.is_on(record.at)),
        };
        written && (BEGIN..end).contains(&record.at)
    });
    records.sort_by_key(|record| (record.at + kind.lag(record.session), record.session, record.what));
    let mut texts: BTreeMap<i64, String> = BTreeMap::new();
    let mut before = None;
    for record in &records {
        let text = texts.entry(begun(record.at, length)).or_insert_with(|| {
            before = None;
            kind.heading().to_owned()
        });
        *text += &kind.lines(record, before);
        before = Some(record.at);
    }
    texts
}
