//! The settings of an instance, and its certificate.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;

use super::client::{Client, DAY, Transport};
use super::log::{Kind, time};
use super::{NOW, case::Case};

/// How a switch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
    /// It is set to on, and waits for a restart.
    Pending,
}

/// What is set.
#[derive(Clone)]
pub struct Settings {
    kind: Kind,
    /// Minutes after which a new log is begun.
    rotation: i64,
    logging: Switch,
    /// Nobody can connect without TLS.
    forced: Switch,
    /// Nobody can connect with TLS: PostgreSQL's `ssl` is off.
    without: Switch,
    /// Days until the server certificate ends.
    lasts: i64,
    /// The engine version takes a new certificate without a restart.
    renews: bool,
    /// `DBInstanceStatus`.
    pub status: &'static str,
    /// Another group of parameters was attached, and waits for a restart: what it says of logging, of forced TLS and of
    /// `ssl` is not so.
    attached: Option<[Switch; 3]>,
}

/// Statuses, and how often.
const STATUSES: &[(u32, &str)] = &[(40, "available"), (2, "stopped"), (1, "storage-full"), (1, "backing-up")];

/// Days before its end by which AWS has renewed a certificate of 12 months, if all goes well: half of them, less two
/// maintenance windows.
const RENEWED: i64 = 169;

impl Settings {
    pub fn new(rng: &mut Rng, kind: Kind, rotation: i64, logging: Switch) -> Settings {
        let switch = |rng: &mut Rng, often: u8| match rng.u8(..often) {
            0 => Switch::On,
            1 => Switch::Pending,
            _ => Switch::Off,
        };
        let forced = switch(rng, 20);
        let without = if kind.is_postgres() && forced == Switch::Off { switch(rng, 30) } else { Switch::Off };
        let statuses: Vec<&str> = STATUSES.iter().flat_map(|(weight, status)| (0..*weight).map(|_| *status)).collect();
        let status = rng.choice(statuses).unwrap_or("available");
        let renews = rng.u8(..3) == 0;
        let lasts = match rng.u8(..20) {
            0 => rng.i64(370..900),
            1..5 if renews => rng.i64(RENEWED..360),
            _ => rng.i64(-5..360),
        };
        let any = |rng: &mut Rng| if rng.bool() { Switch::On } else { Switch::Off };
        // MySQL's audit log is switched on by an option.
        let is_attached = kind != Kind::MysqlAudit && rng.u8(..20) == 0;
        let attached = is_attached.then(|| [any(rng), any(rng), any(rng)]);
        Settings { kind, rotation, logging, forced, without, lasts, renews, status, attached }
    }

    /// What is the reader's own: its certificate and its status.
    pub fn of_reader(&mut self, rng: &mut Rng) {
        let other = Settings::new(rng, self.kind, self.rotation, self.logging);
        self.lasts = if other.lasts < 0 { self.lasts } else { other.lasts };
        self.status = other.status;
    }

    /// What the settings that are in effect do to clients.
    pub fn hold(&self, clients: &mut [Client]) {
        let carried = |client: &Client| match client.transport {
            Transport::Local => Transport::Local,
            _ if self.forced == Switch::On => Transport::Tls,
            Transport::Tls if self.without == Switch::On => Transport::Plaintext,
            other => other,
        };
        for client in clients {
            client.transport = carried(client);
            client.iam &= client.is_tls();
        }
    }

    /// Whether the certificate is good for longer than anybody plans, or AWS renews it in time.
    pub fn certificate_lasts(&self) -> bool {
        let is_renewed = self.renews && self.lasts >= RENEWED && !matches!(self.status, "stopped" | "storage-full");
        self.lasts > 365 || is_renewed
    }

    /// When the certificate expired, if it has.
    pub fn expired(&self) -> Option<i64> {
        (self.lasts < 0).then_some(NOW + self.lasts * DAY)
    }

    /// The version of the engine, which says whether it restarts for a new certificate.
    pub fn version(&self) -> String {
        version(self.kind, self.renews)
    }

    pub fn describe(&self) -> String {
        format!(
            "{}, logging {:?}, TLS forced {:?}, ssl off {:?}, attached {:?}, certificate for {} days, renews {}",
            self.status, self.logging, self.forced, self.without, self.attached, self.lasts, self.renews
        )
    }

    /// The parameters, and the name of a group of them.
    fn group(&self) -> (String, String) {
        let mut text = String::new();
        let mut set = |name: &str, value: &str, pending: bool| {
            let method = if pending { "pending-reboot" } else { "immediate" };
            let _ = write!(
                text,
                "[[parameter_group.parameter]]\nname = \"{name}\"\nvalue = \"{value}\"\napply_method = \"{method}\"\n"
            );
        };
        let mut switch = |name: &str, state: Switch, on: &str, off: &str| {
            set(name, if state == Switch::Off { off } else { on }, state == Switch::Pending);
        };
        let [logging, forced, without] = self.attached.unwrap_or([self.logging, self.forced, self.without]);
        if self.kind.is_postgres() {
            switch("rds.force_ssl", forced, "1", "0");
            switch("ssl", without, "0", "1");
            switch("log_rotation_age", Switch::On, &self.rotation.to_string(), "");
        } else {
            switch("require_secure_transport", forced, "ON", "OFF");
            switch("log_output", Switch::On, "FILE", "");
        }
        if self.kind != Kind::MysqlAudit {
            switch(self.kind.switch(), logging, "1", "0");
        }
        if self.kind == Kind::AuroraAudit {
            switch("server_audit_events", Switch::On, "CONNECT,QUERY", "");
        }
        let mut hash = DefaultHasher::new();
        (self.kind.engine().0, &text).hash(&mut hash);
        (format!("g{:x}", hash.finish()), text)
    }

    fn is_pending(&self) -> bool {
        let of_group = if self.kind == Kind::MysqlAudit { Switch::Off } else { self.logging };
        self.attached.is_some() || [of_group, self.forced, self.without].contains(&Switch::Pending)
    }

    /// The members of a cluster, or an instance that stands alone, as a fleet's TOML has them; their group is added to `groups`.
    pub fn toml(&self, members: &[Case], groups: &mut BTreeMap<String, String>) -> String {
        let engine = self.kind.engine().0;
        let aurora = engine.starts_with("aurora");
        let (name, parameters) = self.group();
        let group =
            format!("[[parameter_group]]\nname = \"{name}\"\nfamily = \"{engine}\"\ncluster = {aurora}\n{parameters}");
        groups.insert(name.clone(), group);
        let pending = if self.is_pending() { "pending-reboot" } else { "in-sync" };
        let version = self.version();
        let mut text = String::new();
        for case in members {
            let _ = write!(
                text,
                "[[instance]]\nid = \"{}\"\nengine = \"{engine}\"\nversion = \"{version}\"\nregion = \"{}\"\n\
                 status = \"{}\"\ncreated = \"2020-01-01T00:00:00Z\"\nca = \"rds-ca-rsa2048-g1\"\n\
                 cert_valid_till = \"{}\"\niam = {}\n",
                case.id,
                case.region,
                case.settings.status,
                time(NOW + case.settings.lasts * DAY),
                members.iter().flat_map(|case| &case.clients).any(|client| client.iam),
            );
            if self.kind == Kind::MysqlAudit {
                let option = if self.logging == Switch::Off { "plain" } else { "audited" };
                let applied = if self.logging == Switch::Pending { "pending-apply" } else { "in-sync" };
                let _ = writeln!(text, "option_group = \"{option}\"\noption_status = \"{applied}\"");
            }
            let own = if aurora { "default" } else { &name };
            let _ = writeln!(text, "parameter_group = \"{own}\"");
            let _ = match members.first().filter(|_| aurora) {
                Some(writer) => writeln!(text, "cluster = \"c-{}\"", writer.id),
                None => writeln!(text, "parameter_status = \"{pending}\""),
            };
        }
        if let Some(writer) = members.first().filter(|_| aurora) {
            let ids: Vec<String> = members.iter().map(|case| format!("\"{}\"", case.id)).collect();
            let _ = write!(
                text,
                "[[cluster]]\nid = \"c-{}\"\nengine = \"{engine}\"\nversion = \"{version}\"\nmembers = [{}]\n\
                 parameter_group = \"{name}\"\nparameter_status = \"{pending}\"\n",
                writer.id,
                ids.join(", ")
            );
        }
        text
    }
}

/// The version of an engine that restarts for a new certificate, or of one that does not.
pub fn version(kind: Kind, renews: bool) -> String {
    let (_, version) = kind.engine();
    // Behind its last number: 16.14 and 16.149.
    if renews { format!("{version}9") } else { version.to_owned() }
}
