//! Models of servers, and of clients that write hostile text through them.

mod mysql;
mod others;
mod postgres;
mod session;
mod world;

pub use mysql::{Audit, Clock, General};
pub use others::{DocumentDb, Errorlog, Listener, ListenerXml};
pub use postgres::{Csv, Json, Stderr};
pub use session::Logger;
pub use world::{Log, World};
