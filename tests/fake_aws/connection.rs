//! Connections that can be broken in the middle of an answer.
//!
//! An HTTP library takes care never to send half an answer, so the breaking is done below it, where the bytes leave.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of the bytes of the answer that is written next.
#[derive(Debug, Clone, Copy, Default)]
enum Plan {
    /// They are sent.
    #[default]
    Send,
    /// None is sent, and the peer is reset.
    Reset,
    /// The head is sent, and this much of the body.
    Cut(usize),
    /// This much is still sent.
    Left(usize),
}

/// The handle by which the one who answers breaks the connection.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    plan: Arc<Mutex<Plan>>,
}

impl Connection {
    /// Send nothing and reset the connection.
    pub fn reset(&self) {
        self.plan(Plan::Reset);
    }

    /// Send this much of the body and close the connection.
    pub fn cut_body(&self, after: usize) {
        self.plan(Plan::Cut(after));
    }

    fn plan(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }
}

impl Connected<IncomingStream<'_, BreakableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, BreakableListener>) -> Connection {
        stream.io().connection.clone()
    }
}

/// A listener of such connections.
pub struct BreakableListener(pub TcpListener);

impl Listener for BreakableListener {
    type Io = BreakableStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (BreakableStream, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (BreakableStream { stream, connection: Connection::default() }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that sends what its handle says.
pub struct BreakableStream {
    stream: TcpStream,
    connection: Connection,
}

impl AsyncRead for BreakableStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let connection = self.connection.clone();
        let mut plan = connection.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = match *plan {
            Plan::Send => return Pin::new(&mut self.stream).poll_write(context, bytes),
            Plan::Reset => {
                self.stream.set_zero_linger()?;
                0
            }
            Plan::Cut(body) => head(bytes) + body,
            Plan::Left(left) => left,
        };
        if allowed == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes.get(..allowed).unwrap_or(bytes));
        if let Poll::Ready(Ok(sent)) = written {
            *plan = Plan::Left(allowed - sent);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The length of the head at the beginning of an answer.
fn head(answer: &[u8]) -> usize {
    answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4)
}
