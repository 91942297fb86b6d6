//! TLS within TDS: the messages of the handshake are wrapped in packets of the protocol. What follows is not.
//!
//! Source: \[MS-TDS\], sections 2.2.3.1 and 2.2.6.5.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::failure::{ProbeFailure, other};

const PRELOGIN: u8 = 0x12;
const RESPONSE: u8 = 0x04;
const END_OF_MESSAGE: u8 = 1;
/// Bytes of a packet's header: type, status, length (2), process (2), number, window.
const HEADER: usize = 8;
/// Longest packet before a login.
const LONGEST: usize = 4096;

/// Options of the first message.
const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const TERMINATOR: u8 = 0xff;
/// `ENCRYPT_ON`, and the answer of a server without TLS.
const ON: u8 = 1;
const NOT_SUPPORTED: u8 = 2;

/// Asks for encryption.
pub(super) async fn prelogin<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), ProbeFailure> {
    // Token, offset and length of each option; version 0.0, and encryption.
    let options = [VERSION, 0, 11, 0, 6, ENCRYPTION, 0, 17, 0, 1, TERMINATOR, 0, 0, 0, 0, 0, 0, ON];
    let mut message = header(PRELOGIN, options.len()).to_vec();
    message.extend(options);
    stream.write_all(&message).await?;
    let mut head = [0; HEADER];
    stream.read_exact(&mut head).await?;
    let [kind, _, high, low, ..] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if kind != RESPONSE || !(HEADER..=LONGEST).contains(&length) {
        return Err(other("SQL Server"));
    }
    let mut answer = vec![0; length - HEADER];
    stream.read_exact(&mut answer).await?;
    let mut options = answer.chunks_exact(5).take_while(|option| option.first() != Some(&TERMINATOR));
    let encryption = options.find_map(|option| match option {
        [ENCRYPTION, high, low, ..] => answer.get(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    });
    match encryption {
        Some(&NOT_SUPPORTED) => Err(ProbeFailure::Declined),
        Some(_) => Ok(()),
        None => Err(other("SQL Server")),
    }
}

fn header(kind: u8, length: usize) -> [u8; HEADER] {
    let [high, low] = u16::try_from(length + HEADER).unwrap_or(u16::MAX).to_be_bytes();
    [kind, END_OF_MESSAGE, high, low, 0, 0, 0, 0]
}

/// A stream whose bytes are wrapped in packets, until the handshake is over.
#[derive(Debug)]
pub(crate) struct Wrapped<S> {
    inner: S,
    /// Whether the handshake is over: nothing is wrapped any more.
    is_over: bool,
    /// The header of the packet that is being read, so far.
    head: Vec<u8>,
    /// Bytes of its content that are left.
    left: usize,
    /// What waits to be wrapped.
    plain: Vec<u8>,
    /// What is wrapped, and how much of it is written.
    packets: (Vec<u8>, usize),
}

impl<S> Wrapped<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, is_over: false, head: Vec::new(), left: 0, plain: Vec::new(), packets: (Vec::new(), 0) }
    }

    /// Wraps nothing from now on.
    pub fn end(&mut self) {
        self.is_over = true;
    }
}

/// Reads up to `most` bytes more into a buffer; returns how many.
fn read<S: AsyncRead + Unpin>(
    from: &mut S,
    context: &mut Context<'_>,
    most: usize,
    into: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    let most = most.min(into.remaining());
    let mut part = ReadBuf::new(into.initialize_unfilled_to(most));
    ready!(Pin::new(from).poll_read(context, &mut part))?;
    let read = part.filled().len();
    into.advance(read);
    Poll::Ready(Ok(read))
}

impl<S: AsyncRead + Unpin> AsyncRead for Wrapped<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.is_over && this.left == 0 {
            return Pin::new(&mut this.inner).poll_read(context, into);
        }
        while this.left == 0 {
            let mut bytes = [0; HEADER];
            let mut buffer = ReadBuf::new(&mut bytes);
            if ready!(read(&mut this.inner, context, HEADER - this.head.len(), &mut buffer))? == 0 {
                return Poll::Ready(Ok(()));
            }
            this.head.extend(buffer.filled());
            if let [_, _, high, low, _, _, _, _] = *this.head.as_slice() {
                this.left = usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER);
                this.head.clear();
            }
        }
        this.left -= ready!(read(&mut this.inner, context, this.left, into))?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wrapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_over {
            return Pin::new(&mut self.inner).poll_write(context, bytes);
        }
        self.plain.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (packets, written) = &mut this.packets;
        for content in std::mem::take(&mut this.plain).chunks(LONGEST - HEADER) {
            packets.extend(header(PRELOGIN, content.len()));
            packets.extend(content);
        }
        while let Some(rest) = packets.get(*written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut this.inner).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        (*packets, *written) = (Vec::new(), 0);
        Pin::new(&mut this.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
