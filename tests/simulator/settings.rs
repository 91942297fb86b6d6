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
}

impl Settings {
    pub fn new(rng: &mut Rng, kind: Kind, rotation: i64, logging: Switch) -> Settings {
        let switch = |rng: &mut Rng, often: u8| match rng.u8(..often) {
            0 => Switch::On,
            1 => Switch::Pending,
            _ => Switch::Off,
        };
        let forced = switch(rng, 20);
        let without = if kind.is_postgres() && forced == Switch::Off { switch(rng, 30) } else { Switch::Off };
        let lasts = if rng.u8(..20) == 0 { rng.i64(370..900) } else { rng.i64(-5..360) };
        Settings { kind, rotation, logging, forced, without, lasts }
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

    /// Whether the certificate is good for longer than anybody plans.
    pub fn certificate_lasts(&self) -> bool {
        self.lasts > 365
    }

    pub fn describe(&self) -> String {
        format!(
            "logging {:?}, TLS forced {:?}, ssl off {:?}, certificate for {} days",
            self.logging, self.forced, self.without, self.lasts
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
        if self.kind.is_postgres() {
            switch("rds.force_ssl", self.forced, "1", "0");
            switch("ssl", self.without, "0", "1");
            switch("log_rotation_age", Switch::On, &self.rotation.to_string(), "");
        } else {
            switch("require_secure_transport", self.forced, "ON", "OFF");
            switch("log_output", Switch::On, "FILE", "");
        }
        if self.kind != Kind::MysqlAudit {
            switch(self.kind.switch(), self.logging, "1", "0");
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
        [of_group, self.forced, self.without].contains(&Switch::Pending)
    }

    /// The instance as a fleet's TOML has it; its group is added to `groups`.
    pub fn toml(&self, case: &Case, groups: &mut BTreeMap<String, String>) -> String {
        let (engine, version) = self.kind.engine();
        let aurora = engine.starts_with("aurora");
        let (name, parameters) = self.group();
        let group =
            format!("[[parameter_group]]\nname = \"{name}\"\nfamily = \"{engine}\"\ncluster = {aurora}\n{parameters}");
        groups.insert(name.clone(), group);
        let (id, status) = (case.id(), if self.is_pending() { "pending-reboot" } else { "in-sync" });
        let mut text = format!(
            "[[instance]]\nid = \"{id}\"\nengine = \"{engine}\"\nversion = \"{version}\"\nregion = \"{}\"\n\
             created = \"2020-01-01T00:00:00Z\"\nca = \"rds-ca-rsa2048-g1\"\ncert_valid_till = \"{}\"\niam = {}\n",
            case.region,
            time(NOW + self.lasts * DAY),
            case.clients.iter().any(|client| client.iam),
        );
        if self.kind == Kind::MysqlAudit {
            let option = if self.logging == Switch::Off { "plain" } else { "audited" };
            let applied = if self.logging == Switch::Pending { "pending-apply" } else { "in-sync" };
            let _ = writeln!(text, "option_group = \"{option}\"\noption_status = \"{applied}\"");
        }
        let own = if aurora { "default" } else { &name };
        let _ = writeln!(text, "parameter_group = \"{own}\"");
        if aurora {
            let _ = write!(
                text,
                "cluster = \"c-{id}\"\n[[cluster]]\nid = \"c-{id}\"\nengine = \"{engine}\"\nversion = \"{version}\"\n\
                 members = [\"{id}\"]\nparameter_group = \"{name}\"\nparameter_status = \"{status}\"\n"
            );
        } else {
            let _ = writeln!(text, "parameter_status = \"{status}\"");
        }
        text
    }
}
