//! What a client and a server say before the TLS handshake, by protocol.

use ssl_usage_parsers::TlsStart;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failure::{ProbeFailure, other};
use super::tds;

/// Most bytes of a server's first message. Errors are as long as that.
const MOST: usize = 4096;

/// Goes as far as the TLS handshake.
pub(crate) async fn start<S: AsyncRead + AsyncWrite + Unpin>(
    how: TlsStart,
    stream: &mut S,
) -> Result<(), ProbeFailure> {
    match how {
        TlsStart::Direct { .. } => Ok(()),
        TlsStart::Postgres => postgres(stream).await,
        TlsStart::Mysql => mysql(stream).await,
        TlsStart::Tds => tds::prelogin(stream).await,
    }
}

/// `SSLRequest`; the answer is one byte, or an error.
///
/// Source: "Message Formats" in the PostgreSQL documentation.
async fn postgres<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), ProbeFailure> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(()),
        b'N' => Err(ProbeFailure::Declined),
        // A length, and fields of a letter and a text, which ends in zero; `M` is the message.
        b'E' => {
            let length = usize::try_from(stream.read_u32().await?).unwrap_or(MOST).clamp(4, MOST) - 4;
            let mut fields = vec![0; length];
            stream.read_exact(&mut fields).await?;
            let message = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"));
            Err(ProbeFailure::Rejected(text(message.unwrap_or_default())))
        }
        _ => Err(other("PostgreSQL")),
    }
}

/// The server's greeting says whether it has TLS. An error takes its place if the server takes no client.
///
/// Source: "Connection Phase Packets" in the MySQL internals documentation.
async fn mysql<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), ProbeFailure> {
    const GREETING: u8 = 10;
    const ERROR: u8 = 0xff;
    const CLIENT_SSL: u32 = 0x800;
    /// `CLIENT_LONG_PASSWORD`, `CLIENT_PROTOCOL_41`, `CLIENT_SECURE_CONNECTION`.
    const CLIENT: u32 = 0x1 | 0x200 | 0x8000;
    const UTF8MB4: u8 = 45;
    let length = usize::from(stream.read_u16_le().await?) | usize::from(stream.read_u8().await?) << 16;
    let sequence = stream.read_u8().await?;
    if length == 0 || length > MOST || sequence != 0 {
        return Err(other("MySQL"));
    }
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet).await?;
    let (first, rest) = packet.split_first().ok_or_else(|| other("MySQL"))?;
    match *first {
        GREETING => {}
        // A number, then perhaps `#` and a state of five letters.
        ERROR => {
            let message = rest.get(2..).unwrap_or_default();
            let message = message.strip_prefix(b"#").and_then(|message| message.get(5..)).unwrap_or(message);
            return Err(ProbeFailure::Rejected(text(message)));
        }
        _ => return Err(other("MySQL")),
    }
    // The version ends in zero; connection, salt and a filler follow, and the lower capabilities.
    let end = rest.iter().position(|byte| *byte == 0).ok_or_else(|| other("MySQL"))?;
    let [low, high] = rest.get(end + 14..end + 16).ok_or_else(|| other("MySQL"))? else { return Err(other("MySQL")) };
    if u32::from(u16::from_le_bytes([*low, *high])) & CLIENT_SSL == 0 {
        return Err(ProbeFailure::Declined);
    }
    let mut request = vec![32, 0, 0, 1];
    request.extend((CLIENT | CLIENT_SSL).to_le_bytes());
    request.extend(0x0100_0000_u32.to_le_bytes());
    request.push(UTF8MB4);
    request.resize(4 + 32, 0);
    Ok(stream.write_all(&request).await?)
}

/// What a server says in one line, as the report may print it.
fn text(bytes: &[u8]) -> String {
    crate::text::one_line(&String::from_utf8_lossy(bytes), 200)
}
