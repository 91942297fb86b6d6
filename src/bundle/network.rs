//! Network interfaces that had addresses of clients, and when they were seen to have them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::atomic_file::{damaged, settled};
use super::fact::{cause, column};
use super::part::{facts_of, plain};
use super::range;
use super::seal::{self, Seal, Sealed};
use super::store::{Bundle, Each, each, region_key_and_time};
use super::table::{decode, misread, read_checked};
use crate::error::Result;
use crate::inventory::network::{self, NetworkInterface};
use crate::problem::Problem;

/// The folder of its files.
pub(super) const FOLDER: &str = "network";
/// Bytes of JSON above which a collection has a further file: a quarter of what is read of one.
const MOST_BYTES: usize = 16 << 20;
/// Bytes of JSON of an address or of an interface without its texts, at most.
const ENTRY: usize = 512;
/// Longest name of a host, in bytes. Source: RFC 1035, section 2.3.4.
const MOST_NAME: usize = 255;

/// First and last time at which an interface was seen with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// First time.
    pub from: Timestamp,
    /// Last time.
    pub to: Timestamp,
}

/// Interfaces, each with the addresses of clients that it was seen with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network(BTreeMap<NetworkInterface, BTreeMap<String, Sighting>>);

impl Network {
    /// Adds an interface that was seen with an address. Of one that was seen before, the time is extended, so that the order
    /// makes no difference.
    pub fn add(&mut self, interface: NetworkInterface, address: String, seen: Sighting) {
        let known = self.0.entry(interface).or_default().entry(address).or_insert(seen);
        *known = Sighting { from: known.from.min(seen.from), to: known.to.max(seen.to) };
    }

    /// Adds all of another.
    pub(super) fn absorb(&mut self, other: Self) {
        for (interface, addresses) in other.0 {
            for (address, seen) in addresses {
                self.add(interface.clone(), address, seen);
            }
        }
    }

    /// The interfaces, their addresses, and when they were seen with them.
    pub fn sightings(&self) -> impl Iterator<Item = (&NetworkInterface, &str, Sighting)> {
        self.0.iter().flat_map(|(interface, addresses)| {
            addresses.iter().map(move |(address, seen)| (interface, address.as_str(), *seen))
        })
    }
}

/// What one collection asked of the network interfaces of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPart {
    /// Account, for the file's name.
    pub account: String,
    /// Region, likewise.
    pub region: String,
    /// When it was collected.
    pub collected_at: Timestamp,
    /// The interfaces.
    pub network: Network,
    /// Addresses of clients that no interface had. The next collection asks for them again.
    pub unowned: BTreeSet<String>,
    /// What could not be read, and so is unknown.
    pub errors: Vec<Problem>,
}

/// A file of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Written {
    pub account: String,
    pub region: String,
    pub collected_at: Timestamp,
    pub interfaces: Vec<Row>,
    pub unowned: BTreeSet<String>,
    pub errors: Vec<Problem>,
}

/// An interface in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    interface: NetworkInterface,
    addresses: BTreeMap<String, Sighting>,
}

/// A file as it is kept: of one collection, or of many that were merged.
#[derive(Clone, Debug)]
pub(super) struct KeptNetwork {
    pub file: Sealed<Written>,
}

impl KeptNetwork {
    pub fn read(path: &Path) -> Result<Self> {
        let file = Sealed::<Written>::read_sealed(path)?;
        let held = &file.held;
        if region_key_and_time(path).is_none_or(|(of, _)| of != plain(&[&held.account, &held.region])) {
            return Err(damaged(path, "the content belongs to another account or region than the file name says"));
        }
        let sightings = held.interfaces.iter().flat_map(|row| row.addresses.values());
        let mut times = sightings.flat_map(|seen| [seen.from, seen.to]).chain([held.collected_at]);
        times.try_for_each(range::time).map_err(|what| damaged(path, what))?;
        Ok(Self { file })
    }

    /// What it holds.
    pub fn part(self) -> NetworkPart {
        let Written { account, region, collected_at, interfaces, unowned, errors } = self.file.held;
        let mut network = Network::default();
        for Row { interface, addresses } in interfaces {
            for (address, seen) in addresses {
                network.add(interface.clone(), address, seen);
            }
        }
        NetworkPart { account, region, collected_at, network, unowned, errors }
    }
}

impl NetworkPart {
    /// The same in files that can be read; there is at least one.
    pub(super) fn pieces(self) -> Vec<Written> {
        let Self { account, region, collected_at, network, unowned, errors } = self;
        let empty = |unowned, errors| Written {
            account: account.clone(),
            region: region.clone(),
            collected_at,
            interfaces: Vec::new(),
            unowned,
            errors,
        };
        let mut pieces = vec![empty(unowned, errors)];
        let mut size = 0;
        for (interface, addresses) in network.0 {
            let texts = interface.tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
            let length = texts + interface.description.len() + ENTRY * (1 + interface.tags.len() + addresses.len());
            if size + length > MOST_BYTES && size > 0 {
                pieces.push(empty(BTreeSet::new(), Vec::new()));
                size = 0;
            }
            size += length;
            if let Some(piece) = pieces.last_mut() {
                piece.interfaces.push(Row { interface, addresses });
            }
        }
        pieces
    }
}

impl Bundle {
    /// Adds what was asked of a region's network interfaces.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_network(&self, part: NetworkPart) -> Result<()> {
        self.put_network(&part.pieces(), &Seal::default())
    }

    /// Adds files; `seal` is what they say of others.
    pub(super) fn put_network(&self, pieces: &[Written], seal: &Seal) -> Result<()> {
        pieces.iter().try_for_each(|piece| {
            let name = self.free_name(FOLDER, &plain(&[&piece.account, &piece.region]), piece.collected_at)?;
            seal::write(&name.path, seal.clone(), piece).map(drop)
        })
    }

    /// The network interfaces in files whose name begins so, and those of them that cannot be read.
    pub(super) fn networks_named(&self, begin: &str) -> Result<Each<KeptNetwork>> {
        settled(|| each(self.named(FOLDER, begin)?, KeptNetwork::read))
    }

    /// The addresses of clients in an account and region whose interfaces are to be asked for, in one spelling: those that
    /// were collected since the interfaces were asked for last, and those that were asked for before.
    ///
    /// # Errors
    ///
    /// When a folder cannot be read. A part that cannot be read has no addresses.
    pub fn client_addresses(&self, account: &str, region: &str) -> Result<BTreeSet<String>> {
        let begin = format!("{}.", plain(&[account, region]));
        let mut wanted = BTreeSet::new();
        let mut last = String::new();
        for (path, kept) in self.networks_named(&begin)?.0 {
            last = region_key_and_time(&path).map_or_else(String::new, |(_, time)| time).max(last);
            let part = kept.part();
            wanted.extend(part.network.sightings().map(|(_, address, _)| address.to_owned()));
            wanted.extend(part.unowned);
        }
        for part in self.named("parts", &begin)? {
            if region_key_and_time(&part).is_some_and(|(_, time)| time >= last) {
                wanted.extend(addresses(&part).unwrap_or_default());
            }
        }
        Ok(wanted)
    }
}

/// The addresses of clients in the facts of a part: of those that had a session, or rejected the certificate.
fn addresses(part: &Path) -> Result<BTreeSet<String>> {
    let path = facts_of(part);
    let columns = [column::ADDRESS, column::EVENT, column::CAUSE, column::SYSTEM];
    let table = decode(&path, &read_checked(&path, None)?, &columns)?;
    let found = || {
        let text = |name: &str| table.column(name)?.str();
        let (addresses, events, causes) = (text(column::ADDRESS)?, text(column::EVENT)?, text(column::CAUSE)?);
        let systems = table.column(column::SYSTEM)?.bool()?;
        let is_client = |row: &usize| {
            let rejected = causes.get(*row) == Some(cause::CLIENT_REJECTED);
            systems.get(*row) != Some(true) && (events.get(*row) == Some("connected") || rejected)
        };
        let of_clients = (0..table.height()).filter(is_client).filter_map(|row| addresses.get(row));
        Ok(of_clients.filter(|text| text.len() <= MOST_NAME).map(network::address).collect())
    };
    found().map_err(|error| misread(&path, error))
}
