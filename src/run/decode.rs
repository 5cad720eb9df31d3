//! What a body's codings take away (`Content-Encoding`): gzip, deflate, br and zstd, also several on top of each other.
//!
//! A body is decoded behind the step's last byte, so that its time is the target's alone, and only where something
//! looks into it: else its bytes are counted and dropped as they come. What is decoded is bounded both ways: so much of
//! the coded body is kept as of any other ([`BODY_KEPT_MAX`]), and so much comes of it at most ([`DECODED_MAX`]); of what
//! is longer than what is kept, nothing is decoded unless its size or digest is wanted.

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, HeaderValue};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sha2::{Digest as _, Sha256};

use super::connection::{BODY_KEPT_MAX, Digest, Received};
use super::dial::Trouble;
use crate::base::ByteSize;
use crate::metrics::ErrorKind;

/// The codings that are asked for, as browsers say them.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// Most that a coded body may become where its size or digest is wanted.
pub const DECODED_MAX: u64 = 64 << 20;

/// Most codings on top of each other: each costs memory, and nobody means more.
const CODINGS_MAX: usize = 4;

/// Largest window of a zstd frame, as RFC 9659 has it for HTTP.
const ZSTD_WINDOW_MAX: u64 = 8 << 20;

/// So much is decoded at a time; between them other users go on.
const PIECE_BYTES: usize = 64 << 10;

/// One coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// As zlib writes it (RFC 1950), or bare (RFC 1951) as some servers do.
    Deflate,
    Brotli,
    Zstd,
}

/// How much of a decoded body is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Its length, all of it.
    pub size: bool,
    /// Its SHA-256, where it is longer than what is kept.
    pub digest: bool,
}

/// A body as it was before it was coded.
#[derive(Debug)]
pub(super) struct Decoded {
    /// As far as it is kept.
    pub body: Bytes,
    /// All of it, where that was wanted; else more than is kept, if it is longer.
    pub size: u64,
    /// Of all of it, where that was wanted and it is longer than what is kept.
    pub digest: Option<Digest>,
}

/// Whether the body of an answer is coded, as far as its head says.
pub(super) fn is_coded(received: &Received) -> bool {
    received.head.headers.contains_key(CONTENT_ENCODING)
}

/// An answer whose body is as it was before it was coded.
pub(super) async fn taken_apart(received: Received, wanted: Extent) -> Result<Received, Trouble> {
    let codings = codings(&received.head.headers)?;
    if codings.is_empty() {
        return Ok(received);
    }
    let cut = received.size > received.body.len() as u64;
    let Decoded { body, size, digest } = decode(received.body.clone(), cut, &codings, wanted).await?;
    Ok(Received { body, size, digest: digest.map(Box::new), ..received })
}

/// The codings of a body, in the order in which they were applied. Error: one that nobody here knows.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Trouble> {
    let mut codings = Vec::new();
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let text: Vec<String> = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    for name in text.iter().flat_map(|value| value.split(',')).map(str::trim) {
        codings.push(match name.to_ascii_lowercase().as_str() {
            "" | "identity" => continue,
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Brotli,
            "zstd" => Coding::Zstd,
            _ => return Err(protocol(format!("the body is coded as `{name}`, which was not asked for"))),
        });
        if codings.len() > CODINGS_MAX {
            return Err(protocol(format!("the body has more than {CODINGS_MAX} codings on top of each other")));
        }
    }
    Ok(codings)
}

/// The body that `held` is with `codings` taken away, the last one first; `cut`: more of it has come than is held. Lets
/// other users go on between pieces.
pub(super) async fn decode(held: Bytes, cut: bool, codings: &[Coding], wanted: Extent) -> Result<Decoded, Trouble> {
    if held.is_empty() {
        // The answer to a `HEAD` says how its body would be coded, and has none.
        return Ok(Decoded { body: Bytes::new(), size: 0, digest: None });
    }
    let mut reader: Box<dyn BufRead> = Box::new(held.reader());
    for coding in codings.iter().rev() {
        reader = buffered(*coding, reader);
    }
    let mut body = Vec::new();
    let mut size = 0_u64;
    let mut digest = None;
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => break,
            Ok(piece) => piece,
            Err(_) if cut => return Err(too_large(BODY_KEPT_MAX as u64, "as it came")),
            Err(error) => return Err(broken(&error, codings, size)),
        };
        let length = piece.len();
        size += length as u64;
        let kept = length.min(BODY_KEPT_MAX - body.len());
        if kept < length && wanted.digest {
            digest.get_or_insert_with(|| Sha256::new().chain_update(&body)).update(piece);
        }
        body.extend_from_slice(&piece[..kept]);
        reader.consume(length);
        if size > BODY_KEPT_MAX as u64 && !wanted.size && !wanted.digest {
            break;
        }
        if size > DECODED_MAX {
            return Err(too_large(DECODED_MAX, "once decoded"));
        }
        tokio::task::yield_now().await;
    }
    Ok(Decoded { body: body.into(), size, digest: digest.map(|digest| digest.finalize().into()) })
}

fn buffered(coding: Coding, from: Box<dyn BufRead>) -> Box<dyn BufRead> {
    fn pieces(reader: impl Read + 'static) -> Box<dyn BufRead> {
        Box::new(io::BufReader::with_capacity(PIECE_BYTES, reader))
    }
    match coding {
        Coding::Gzip => pieces(MultiGzDecoder::new(from)),
        Coding::Deflate => pieces(Deflated { from, inflate: None, ended: false }),
        Coding::Brotli => pieces(brotli_decompressor::Decompressor::new(from, PIECE_BYTES)),
        Coding::Zstd => pieces(Frames::new(from)),
    }
}

fn protocol(text: impl Into<String>) -> Trouble {
    Trouble::new(ErrorKind::Protocol, text)
}

fn too_large(most: u64, when: &str) -> Trouble {
    Trouble::new(ErrorKind::BodyTooLarge, format!("the coded body is longer than {} {when}", ByteSize(most)))
}

fn broken(error: &io::Error, codings: &[Coding], size: u64) -> Trouble {
    let names: Vec<&str> = codings.iter().map(|coding| coding.name()).collect();
    let names = names.join(", ");
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            protocol(format!("the body, coded as `{names}`, ends too early: {} of it were read", ByteSize(size)))
        }
        _ => protocol(format!("the body is not coded as `{names}`, or is damaged: {error}")),
    }
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// `deflate`: with zlib's head and sum, or without.
struct Deflated<R> {
    from: R,
    /// Once its first bytes have been seen.
    inflate: Option<Decompress>,
    ended: bool,
}

impl<R: BufRead> Read for Deflated<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buf.is_empty() {
            let input = self.from.fill_buf()?;
            let Some(first) = input.first() else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            // zlib's first byte says method 8 and a window; one that could also begin bare deflate is a stored block
            // of a length that nobody writes.
            let zlib = first & 0x0f == 8 && first >> 4 <= 7;
            let inflate = self.inflate.get_or_insert_with(|| Decompress::new(zlib));
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, buf, FlushDecompress::None)?;
            let (read, written) = (inflate.total_in() - read, inflate.total_out() - written);
            self.from.consume(read as usize);
            self.ended = status == Status::StreamEnd;
            if written > 0 {
                return Ok(written as usize);
            }
            if read == 0 && !self.ended {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(0)
    }
}

/// zstd: frames, one behind the other, also such as are to be skipped.
struct Frames<R> {
    from: R,
    decoder: Box<FrameDecoder>,
    /// Whether the decoder has begun a frame.
    inside: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(from: R) -> Frames<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_MAX);
        Frames { from, decoder: Box::new(decoder), inside: false }
    }

    /// Begins the next frame; false: there is none.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.from.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.from) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.from.by_ref().take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(false)
    }

    /// What is to be said of an error: where nothing is left to read, that it ends too early.
    fn failed(&mut self, error: FrameDecoderError) -> io::Error {
        match self.from.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            _ => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.inside || self.begin()? {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.from, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| self.failed(error))?;
            }
            let count = self.decoder.read(buf)?;
            if count > 0 || buf.is_empty() {
                return Ok(count);
            }
            let said = self.decoder.get_checksum_from_data();
            if said.is_some() && said != self.decoder.get_calculated_checksum() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is another"));
            }
            self.inside = false;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;
    use crate::run::fixture::pretend;

    const TEXT: &[u8] = b"tea and cups\ntea and cups\ntea and cups\n";
    /// [`TEXT`], as `brotli` codes it.
    const TEXT_BR: &str = "1b260000c463ec1be749be4261c34e35ab337384a9a700";
    /// [`TEXT`], as `zstd --check` codes it.
    const TEXT_ZSTD: &str = "28b52ffd04589d00006874656120616e6420637570730a010060cf2f123b9a5e";
    /// 3 MiB of zeros, as `brotli` codes them.
    const ZEROS_BR: &str = "9bffff2f002400e2b14072ef5f00";

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).expect("a digit") as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn bare(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    /// What becomes of `coded`.
    fn decoded(coded: &[u8], codings: &[Coding], wanted: Extent) -> Result<Decoded, Trouble> {
        pretend(decode(Bytes::copy_from_slice(coded), false, codings, wanted))
    }

    fn all(coded: &[u8], codings: &[Coding]) -> Result<Decoded, Trouble> {
        decoded(coded, codings, Extent::default())
    }

    const SIZE: Extent = Extent { size: true, digest: false };

    #[test]
    fn every_coding_gives_back_what_was_coded() {
        for (coding, coded) in [
            (Coding::Gzip, gzip(TEXT)),
            (Coding::Deflate, zlib(TEXT)),
            (Coding::Deflate, bare(TEXT)),
            (Coding::Brotli, hex(TEXT_BR)),
            (Coding::Zstd, hex(TEXT_ZSTD)),
            (Coding::Zstd, zstd(TEXT)),
        ] {
            let decoded = all(&coded, &[coding]).expect("it is whole");
            assert_eq!(decoded.body, TEXT, "{coding:?}");
            assert_eq!((decoded.size, decoded.digest), (TEXT.len() as u64, None));
        }
    }

    #[test]
    fn codings_on_top_of_each_other_are_taken_away_from_the_last_to_the_first() {
        let coded = zstd(&gzip(&hex(TEXT_BR)));
        let codings = [Coding::Brotli, Coding::Gzip, Coding::Zstd];
        assert_eq!(all(&coded, &codings).expect("it is whole").body, TEXT);
    }

    #[test]
    fn members_and_frames_may_stand_behind_each_other() {
        assert_eq!(all(&[gzip(b"one "), gzip(b"two")].concat(), &[Coding::Gzip]).expect("whole").body, b"one two"[..]);
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        let frames = [zstd(b"one "), skipped, zstd(b"two")].concat();
        assert_eq!(all(&frames, &[Coding::Zstd]).expect("whole").body, b"one two"[..]);
    }

    #[test]
    fn a_body_that_ends_too_early_or_is_damaged_is_not_http() {
        for (coding, coded) in [
            (Coding::Gzip, gzip(TEXT)),
            (Coding::Deflate, zlib(TEXT)),
            (Coding::Deflate, bare(TEXT)),
            (Coding::Brotli, hex(TEXT_BR)),
            (Coding::Zstd, hex(TEXT_ZSTD)),
        ] {
            for length in 1..coded.len() {
                let trouble = all(&coded[..length], &[coding]).expect_err("it is cut off");
                assert_eq!(trouble.kind, ErrorKind::Protocol, "{coding:?} of {length} bytes");
            }
            let trouble = all(b"<html>no such thing</html>", &[coding]).expect_err("it is not coded");
            assert_eq!(trouble.kind, ErrorKind::Protocol, "{coding:?}");
            assert!(trouble.text.contains(coding.name()), "{}", trouble.text);
        }
        for coded in [gzip(TEXT), zlib(TEXT), hex(TEXT_ZSTD)] {
            let coding = [Coding::Gzip, Coding::Deflate, Coding::Zstd].into_iter();
            let coding = coding.min_by_key(|coding| all(&coded, &[*coding]).is_err()).expect("one of them");
            let mut damaged = coded.clone();
            *damaged.last_mut().expect("bytes") ^= 1;
            assert_eq!(all(&damaged, &[coding]).expect_err("its sum differs").kind, ErrorKind::Protocol, "{coding:?}");
        }
    }

    #[test]
    fn only_what_is_kept_is_decoded_unless_more_is_wanted() {
        let zeros = vec![0; 3 << 20];
        let digest: Digest = Sha256::digest(&zeros).into();
        for (coding, coded) in
            [(Coding::Gzip, gzip(&zeros)), (Coding::Brotli, hex(ZEROS_BR)), (Coding::Zstd, zstd(&zeros))]
        {
            let kept = all(&coded, &[coding]).expect("it is whole");
            assert_eq!(kept.body.len(), BODY_KEPT_MAX);
            assert!(kept.size > BODY_KEPT_MAX as u64 && kept.size < 3 << 20, "the rest is not decoded");
            let sized = decoded(&coded, &[coding], SIZE).expect("it is whole");
            assert_eq!((sized.size, sized.body.len(), sized.digest), (3 << 20, BODY_KEPT_MAX, None));
            let wanted = Extent { size: false, digest: true };
            assert_eq!(decoded(&coded, &[coding], wanted).expect("it is whole").digest, Some(digest));
        }
    }

    #[test]
    fn a_bomb_is_put_out() {
        let zeros = vec![0; DECODED_MAX as usize + 1];
        let trouble = decoded(&gzip(&zeros), &[Coding::Gzip], SIZE).expect_err("it is a bomb");
        assert_eq!(
            (trouble.kind, trouble.text.as_str()),
            (ErrorKind::BodyTooLarge, "the coded body is longer than 64MiB once decoded")
        );
        // A bomb in a bomb: what comes of it is bounded, whatever is in between.
        let nested = gzip(&gzip(&zeros));
        assert!(nested.len() < 1_000);
        let trouble = decoded(&nested, &[Coding::Gzip, Coding::Gzip], SIZE).expect_err("it is a bomb");
        assert_eq!(trouble.kind, ErrorKind::BodyTooLarge);
        assert_eq!(all(&nested, &[Coding::Gzip, Coding::Gzip]).expect("not all is decoded").body.len(), BODY_KEPT_MAX);
    }

    #[test]
    fn what_was_not_held_cannot_be_decoded() {
        let frames = zstd(&[7; 10]);
        let held = Bytes::copy_from_slice(&frames[..frames.len() - 1]);
        let trouble = pretend(decode(held, true, &[Coding::Zstd], SIZE)).expect_err("something was dropped");
        assert_eq!(
            (trouble.kind, trouble.text.as_str()),
            (ErrorKind::BodyTooLarge, "the coded body is longer than 1MiB as it came")
        );
    }

    #[test]
    fn which_codings_there_are_is_said_in_headers() {
        let of = |values: &[&'static str]| {
            codings(&values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value))).collect())
        };
        assert_eq!(of(&[]), Ok(vec![]));
        assert_eq!(of(&["identity"]), Ok(vec![]));
        assert_eq!(of(&["GZip"]), Ok(vec![Coding::Gzip]));
        assert_eq!(of(&["deflate, br", "zstd"]), Ok(vec![Coding::Deflate, Coding::Brotli, Coding::Zstd]));
        let trouble = of(&["gzip, compress"]).expect_err("nobody has it any more");
        assert_eq!(trouble.text, "the body is coded as `compress`, which was not asked for");
        assert_eq!(of(&["gzip, gzip, gzip, gzip, gzip"]).expect_err("too many").kind, ErrorKind::Protocol);
    }

    #[test]
    fn the_answer_to_a_head_has_codings_and_no_body() {
        assert_eq!(all(b"", &[Coding::Gzip]).expect("there is nothing to decode").size, 0);
    }
}
