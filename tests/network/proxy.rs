//! An HTTP proxy that leads every host to one address, or nowhere.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a proxy does with `CONNECT`.
#[derive(Clone)]
pub enum Answer {
    /// Connects to this address.
    Through(SocketAddr),
    /// Answers with this status line.
    Status(&'static str),
}

/// A running proxy; its thread ends with the process.
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, heads) = (answer.clone(), Arc::clone(&heads));
                std::thread::spawn(move || drop(serve(stream, &answer, &heads)));
            }
        });
        Self { address, seen }
    }

    /// What to set `HTTPS_PROXY` to, with a user and password or without.
    pub fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    /// The heads of all requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }

    /// The hosts that were asked for, each once.
    pub fn hosts(&self) -> Vec<String> {
        let host = |head: &String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut hosts: Vec<_> = self.seen().iter().map(host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }
}

fn serve(mut client: TcpStream, answer: &Answer, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    heads.lock().expect("no panic").push(String::from_utf8_lossy(&head).into_owned());
    let server = match answer {
        Answer::Status(line) => return write!(client, "HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"),
        Answer::Through(address) => TcpStream::connect(address)?,
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    std::io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}
