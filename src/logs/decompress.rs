//! Compressed logs, known by their first bytes: gzip, zstd and bzip2; and gzip as it arrives, piece by piece.

use std::io::{self, BufRead, BufReader, Read, Write};

use bzip2::read::MultiBzDecoder;
use flate2::{bufread, write};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// How the bytes of a log are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, one member or many.
    Gzip,
    /// zstd, one frame or many.
    Zstd,
    /// bzip2, one stream or many.
    Bzip2,
}

/// First bytes of a packed log. Sources: RFC 1952, RFC 8878, and bzip2's `BZh` header.
const MAGIC: &[(&[u8], Packing)] =
    &[(&[0x1f, 0x8b], Packing::Gzip), (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd), (b"BZh", Packing::Bzip2)];

/// First bytes of what is not unpacked here, its name, and the command that writes it to standard output.
/// Sources: the `xz(1)` manual's `.lzma` format with its presets' dictionaries, ncompress, Snappy's `framing_format.txt`.
const NOT_READ: &[(&[u8], &str, &str)] = &[
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz", "xz -dc FILE"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -dc FILE"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x -so FILE"),
    (b"Rar!\x1a\x07", "RAR", "unrar p -inul FILE"),
    (b"LZIP", "lzip", "lzip -dc FILE"),
    (&[0x5d, 0, 0, 0x80, 0], "lzma", "xz --format=lzma -dc FILE"),
    (&[0x5d, 0, 0, 0, 0x04], "lzma", "xz --format=lzma -dc FILE"),
    (&[0x5d, 0, 0, 0, 0x01], "lzma", "xz --format=lzma -dc FILE"),
    (&[0x1f, 0x9d], "compress (.Z)", "gzip -dc FILE"),
    (&[0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y'], "Snappy", "python3 -m snappy -d FILE"),
];

/// How a log that begins with `head` is packed, if that is not read, and the command that unpacks it.
pub fn not_read(head: &[u8]) -> Option<(&'static str, &'static str)> {
    NOT_READ.iter().find(|(magic, ..)| head.starts_with(magic)).map(|(_, name, command)| (*name, *command))
}

impl Packing {
    /// The packing of a log that begins with `head`.
    pub fn of(head: &[u8]) -> Self {
        MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map_or(Self::Plain, |(_, packing)| *packing)
    }

    /// Reads what is packed.
    ///
    /// # Errors
    ///
    /// When the beginning is not what the first bytes promised. Damage further in is an error of the returned reader.
    pub fn open<'r>(self, packed: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Self::Plain => Box::new(packed),
            Self::Gzip => Box::new(GzipMembers(Some(bufread::GzDecoder::new(BufReader::new(packed))))),
            Self::Zstd => Box::new(ZstdFrames::new(packed)?),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(packed)),
        })
    }
}

/// Unpacks a gzip log that arrives in pieces.
#[derive(Debug)]
pub struct Gunzip(write::MultiGzDecoder<Vec<u8>>);

impl Default for Gunzip {
    fn default() -> Self {
        Self(write::MultiGzDecoder::new(Vec::new()))
    }
}

impl Gunzip {
    /// Takes the next piece; returns what can be read so far, at most a thousand times as much.
    ///
    /// # Errors
    ///
    /// When the log is damaged.
    pub fn push(&mut self, packed: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(packed)?;
        self.0.flush()?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// Returns the last of what was packed.
    ///
    /// # Errors
    ///
    /// When the log is damaged, or is not at its end.
    pub fn finish(&mut self) -> io::Result<Vec<u8>> {
        self.0.try_finish()?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

/// The members of a gzip file, one behind the other. Zeros behind the last are padding, as `gzip` itself reads them.
struct GzipMembers<R: Read>(Option<bufread::GzDecoder<BufReader<R>>>);

impl<R: Read> Read for GzipMembers<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(mut member) = self.0.take() {
            let length = member.read(into).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    io::Error::other("the gzip file is damaged or incomplete. Download it again.")
                }
                _ => error,
            })?;
            if length > 0 || into.is_empty() {
                self.0 = Some(member);
                return Ok(length);
            }
            let mut rest = member.into_inner();
            loop {
                let buffered = rest.fill_buf()?;
                match buffered.iter().position(|byte| *byte != 0) {
                    // Nothing but padding.
                    None if buffered.is_empty() => break,
                    None => {
                        let length = buffered.len();
                        rest.consume(length);
                    }
                    Some(zeros) if buffered.get(zeros) == Some(&0x1f) => {
                        rest.consume(zeros);
                        self.0 = Some(bufread::GzDecoder::new(rest));
                        break;
                    }
                    Some(_) => {
                        return Err(io::Error::other(
                            "other bytes follow the gzip data. Check that the download is complete.",
                        ));
                    }
                }
            }
        }
        Ok(0)
    }
}

/// The frames of a zstd file, one behind the other. The decoder reads one frame and would leave the rest unread.
struct ZstdFrames<R: Read>(Option<StreamingDecoder<BufReader<R>, FrameDecoder>>);

/// A frame without content. A decoder bounds the window of every frame but its first, to 100 MiB; `zstd` itself takes 8 MiB
/// or less unless it is told to use more (RFC 8878, 3.1.1.1.2).
const EMPTY_FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];

impl<R: Read> ZstdFrames<R> {
    fn new(packed: R) -> io::Result<Self> {
        let mut decoder = FrameDecoder::new();
        decoder.init(EMPTY_FRAME).map_err(io::Error::other)?;
        Self::frame(BufReader::new(packed), decoder)
    }

    /// The next frame.
    fn frame(packed: BufReader<R>, decoder: FrameDecoder) -> io::Result<Self> {
        let opened = StreamingDecoder::new_with_decoder(packed, decoder);
        opened.map(|frame| Self(Some(frame))).map_err(|error| match error {
            FrameDecoderError::WindowSizeTooBig { requested } => io::Error::other(format!(
                "decompressing it takes {requested} bytes of memory. Decompress it first: `zstd -dc --long=31 FILE \
                 | ssl-usage scan -`."
            )),
            error => io::Error::other(error),
        })
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(mut frame) = self.0.take() {
            let length = frame.read(into)?;
            if length > 0 || into.is_empty() {
                self.0 = Some(frame);
                return Ok(length);
            }
            let (mut rest, decoder) = frame.into_parts();
            if !rest.fill_buf()?.is_empty() {
                *self = Self::frame(rest, decoder)?;
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Packing::of(&packed).open(io::Cursor::new(packed))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_packed_log_can_arrive_a_byte_at_a_time() {
        let text = b"first\n".repeat(1000);
        let mut packed = Vec::new();
        for part in text.chunks(4000) {
            flate2::read::GzEncoder::new(part, flate2::Compression::fast()).read_to_end(&mut packed).expect("packs");
        }
        let unpack = |packed: &[u8]| -> io::Result<Vec<u8>> {
            let mut gunzip = Gunzip::default();
            let mut unpacked = Vec::new();
            for byte in packed {
                unpacked.extend(gunzip.push(&[*byte])?);
            }
            unpacked.extend(gunzip.finish()?);
            Ok(unpacked)
        };
        assert_eq!(unpack(&packed).expect("whole"), text);
        for missing in 1..20 {
            let cut = &packed[..packed.len() - missing];
            assert!(unpack(cut).is_err(), "a log without its last {missing} bytes is not whole");
        }
    }

    #[test]
    fn every_part_of_a_log_packed_in_parts_is_read() {
        let gzip = |text: &[u8]| {
            let mut packed = Vec::new();
            let mut reader = flate2::read::GzEncoder::new(text, flate2::Compression::fast());
            reader.read_to_end(&mut packed).expect("packs");
            packed
        };
        let bzip2 = |text: &[u8]| {
            let mut packed = Vec::new();
            let mut reader = bzip2::read::BzEncoder::new(text, bzip2::Compression::fast());
            reader.read_to_end(&mut packed).expect("packs");
            packed
        };
        let zstd = |text: &[u8]| ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest);
        let (first, second) = (b"first\n".as_slice(), b"second\n".as_slice());
        for parts in [[gzip(first), gzip(second)], [bzip2(first), bzip2(second)], [zstd(first), zstd(second)]] {
            let both = parts.concat();
            assert_eq!(unpacked(both.clone()).expect("whole"), b"first\nsecond\n");
            assert!(unpacked(both[..both.len() - 3].to_vec()).is_err(), "a cut log is an error, not a shorter log");
        }
        let padded = [gzip(first), vec![0; 700], gzip(second), vec![0; 20_000]].concat();
        assert_eq!(unpacked(padded).expect("gzip pads with zeros"), b"first\nsecond\n");
        assert!(unpacked([gzip(first), b"junk".to_vec()].concat()).is_err());
    }
}
