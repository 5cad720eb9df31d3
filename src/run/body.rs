//! What a request sends behind its head: bytes that lie in memory, and files that are read while they are sent.
//!
//! A file is read by the runtime's blocking threads, so that a disk which lets one wait holds up no user of the load
//! thread. It is opened once for each step and load thread and stays open: who deletes it meanwhile changes nothing.
//!
//! Cost of a file on its way: two pieces of [`PIECE_BYTES`], the one that is being sent and the one that is being read,
//! however long the file is.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::dial::Trouble;
use crate::base::ByteSize;
use crate::metrics::ErrorKind;
use crate::plan;

/// So much is read of a file, and given out of a large piece, at a time; then other users of the thread have their turn.
pub(super) const PIECE_BYTES: usize = 256 << 10;

/// Most blocking threads of a load thread, which read files: more would only queue at the disk.
pub(super) const READERS_MAX: usize = 4;

/// What a request sends behind its head. Clones are cheap: a redirect or another try sends it once more.
#[derive(Clone)]
pub(super) enum Payload {
    /// All of it lies in memory.
    Whole(Bytes),
    /// In order.
    Pieces(Rc<[Piece]>),
}

/// A piece of a [`Payload`].
#[derive(Clone)]
pub(super) enum Piece {
    /// It lies in memory.
    Bytes(Bytes),
    /// It is read while it is sent.
    File(Rc<Upload>),
}

impl Default for Payload {
    fn default() -> Payload {
        Payload::Whole(Bytes::new())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        Payload::Whole(bytes)
    }
}

impl Payload {
    /// How long it is.
    pub fn size(&self) -> u64 {
        match self {
            Payload::Whole(bytes) => bytes.len() as u64,
            Payload::Pieces(pieces) => pieces.iter().map(Piece::size).sum(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// What lies in memory of its beginning, up to so much; a file ends it.
    pub fn beginning(&self, most: usize) -> Cow<'_, [u8]> {
        let pieces = match self {
            Payload::Whole(bytes) => return Cow::Borrowed(&bytes[..bytes.len().min(most)]),
            Payload::Pieces(pieces) => pieces,
        };
        let mut all = Vec::new();
        for piece in pieces.iter() {
            let Piece::Bytes(bytes) = piece else { break };
            all.extend_from_slice(&bytes[..bytes.len().min(most - all.len())]);
        }
        Cow::Owned(all)
    }

    /// It once, from its beginning.
    pub fn body(&self) -> Body {
        match self {
            Payload::Whole(bytes) => Body::Whole(bytes.clone()),
            Payload::Pieces(pieces) => Body::Read(Box::new(Reading {
                pieces: pieces.clone(),
                index: 0,
                offset: 0,
                left: self.size(),
                yielded: true,
                ahead: None,
                watch: Rc::new(Watch { waker: RefCell::new(Waker::noop().clone()), trouble: Cell::default() }),
            })),
        }
    }
}

impl Piece {
    fn size(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::File(upload) => upload.disk.size,
        }
    }
}

/// A file of one step on one load thread.
pub(super) struct Upload {
    disk: plan::Upload,
    /// Once it was opened.
    file: Arc<OnceLock<File>>,
}

impl Upload {
    pub fn new(disk: plan::Upload) -> Upload {
        Upload { disk, file: Arc::default() }
    }

    /// Its name, without folders.
    pub fn name(&self) -> &str {
        &self.disk.name
    }

    /// Its media type, where the scenario names one.
    pub fn media_type(&self) -> Option<&str> {
        self.disk.media_type.as_deref()
    }

    /// The next piece from this byte on, which lies in the file as it was checked.
    fn read(&self, from: u64) -> JoinHandle<io::Result<Bytes>> {
        let (file, path) = (self.file.clone(), self.disk.path.clone());
        let length = (self.disk.size - from).min(PIECE_BYTES as u64) as usize;
        tokio::task::spawn_blocking(move || {
            let file = match file.get() {
                Some(file) => file,
                None => {
                    let opened = File::open(path)?;
                    file.get_or_init(|| opened)
                }
            };
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, from)?;
            Ok(bytes.into())
        })
    }

    /// Why it could not be read: our own side, not the target.
    fn trouble(&self, error: &io::Error) -> Trouble {
        let name = &self.disk.name;
        let text = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                format!("`{name}` has become shorter: it had {} when it was checked", ByteSize(self.disk.size))
            }
            io::ErrorKind::NotFound => format!("`{name}` is not there any more"),
            _ => format!("`{name}` cannot be read: {error}"),
        };
        Trouble::new(ErrorKind::Local, text)
    }
}

/// A payload on its way, once.
pub(super) enum Body {
    /// Empty once it was taken.
    Whole(Bytes),
    /// In pieces.
    Read(Box<Reading>),
}

/// How far the pieces of a payload are sent.
pub(super) struct Reading {
    pieces: Rc<[Piece]>,
    /// The piece at hand.
    index: usize,
    /// How much of it was read.
    offset: u64,
    /// How much was not given out yet.
    left: u64,
    /// Whether others have had their turn since the last piece.
    yielded: bool,
    /// What is being read.
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    watch: Rc<Watch>,
}

/// What is seen of a body from outside, while somebody else sends it.
pub(super) struct Watch {
    /// Who waits for it: the user's task. hyper's waker wakes nobody, see [`super::wire::Wires::take_woken`].
    waker: RefCell<Waker>,
    /// Why it could not be read to its end.
    trouble: Cell<Option<Trouble>>,
}

impl Watch {
    /// Lets what is read wake this one from now on.
    pub fn wakes(&self, who: &Waker) {
        let mut waker = self.waker.borrow_mut();
        if !waker.will_wake(who) {
            waker.clone_from(who);
        }
    }

    /// Why it could not be read to its end, if so.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.take()
    }
}

impl Body {
    /// What is to be watched while it is sent; nothing where all of it is there.
    pub fn watch(&self) -> Option<Rc<Watch>> {
        match self {
            Body::Whole(_) => None,
            Body::Read(reading) => Some(reading.watch.clone()),
        }
    }

    /// How much was not given out yet.
    pub fn left(&self) -> u64 {
        match self {
            Body::Whole(bytes) => bytes.len() as u64,
            Body::Read(reading) => reading.left,
        }
    }

    /// The next piece; `None`: that was all.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        match self {
            Body::Whole(bytes) => Poll::Ready(whole(bytes).map(Ok)),
            Body::Read(reading) => reading.poll_piece(cx),
        }
    }
}

impl Reading {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        loop {
            let Some(piece) = self.pieces.get(self.index) else { return Poll::Ready(None) };
            let size = piece.size();
            if self.offset == size {
                (self.index, self.offset) = (self.index + 1, 0);
                continue;
            }
            if !std::mem::replace(&mut self.yielded, true) {
                // A disk and a server that are fast must not hold up a thread.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let bytes = match piece {
                Piece::Bytes(bytes) => {
                    let from = self.offset as usize;
                    bytes.slice(from..bytes.len().min(from + PIECE_BYTES))
                }
                Piece::File(upload) => {
                    let offset = self.offset;
                    let read = ready!(Pin::new(self.ahead.get_or_insert_with(|| upload.read(offset))).poll(cx));
                    self.ahead = None;
                    // A reader that is gone: the run is at its end.
                    match read.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())) {
                        Ok(bytes) => {
                            let next = offset + bytes.len() as u64;
                            self.ahead = (next < size).then(|| upload.read(next));
                            bytes
                        }
                        Err(error) => return Poll::Ready(Some(Err(upload.trouble(&error)))),
                    }
                }
            };
            self.offset += bytes.len() as u64;
            self.left -= bytes.len() as u64;
            self.yielded = bytes.len() < PIECE_BYTES;
            return Poll::Ready(Some(Ok(bytes)));
        }
    }
}

/// All that there is, once.
fn whole(bytes: &mut Bytes) -> Option<Bytes> {
    (!bytes.is_empty()).then(|| std::mem::take(bytes))
}

/// A body that could not be read to its end: its [`Watch`] knows why.
#[derive(Debug)]
pub(super) struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("what is sent could not be read")
    }
}

impl std::error::Error for Unreadable {}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Unreadable;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Unreadable>>> {
        match self.get_mut() {
            Body::Whole(bytes) => Poll::Ready(whole(bytes).map(|bytes| Ok(Frame::data(bytes)))),
            Body::Read(reading) => {
                let watch = reading.watch.clone();
                let waker = watch.waker.borrow();
                let piece = ready!(reading.poll_piece(&mut Context::from_waker(&waker)));
                Poll::Ready(piece.map(|piece| {
                    piece.map(Frame::data).map_err(|trouble| {
                        watch.trouble.set(Some(trouble));
                        Unreadable
                    })
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;

    use super::*;
    use crate::run::fixture::pretend;

    /// A file of so many bytes, each of them its place modulo 251, said to have `size`.
    fn upload(bytes: usize, size: u64) -> (tempfile::NamedTempFile, Rc<Upload>) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let all: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
        file.write_all(&all).expect("it is written");
        let disk = plan::Upload { path: file.path().into(), name: "big.iso".into(), media_type: None, size };
        (file, Rc::new(Upload::new(disk)))
    }

    async fn all(payload: &Payload) -> Result<(Vec<u8>, usize), Trouble> {
        let mut body = payload.body();
        let (mut all, mut longest) = (Vec::new(), 0);
        while let Some(piece) = poll_fn(|cx| body.poll_piece(cx)).await {
            let piece = piece?;
            longest = longest.max(piece.len());
            all.extend_from_slice(&piece);
        }
        assert_eq!(body.left(), 0);
        Ok((all, longest))
    }

    #[test]
    fn a_file_comes_in_pieces_between_what_lies_in_memory_as_often_as_it_is_wanted() {
        pretend(async {
            let bytes = 3 * PIECE_BYTES + 17;
            let (file, upload) = upload(bytes, bytes as u64);
            let pieces = [
                Piece::Bytes("head".into()),
                Piece::Bytes(Bytes::new()),
                Piece::File(upload),
                Piece::Bytes("end".into()),
            ];
            let payload = Payload::Pieces(pieces.into());
            assert_eq!(payload.size(), bytes as u64 + 7);
            assert_eq!(&*payload.beginning(100), b"head");
            for _ in 0..2 {
                let (sent, longest) = all(&payload).await.expect("it can be read");
                assert_eq!((sent.len(), longest), (bytes + 7, PIECE_BYTES));
                assert_eq!((&sent[..4], &sent[bytes + 4..]), (&b"head"[..], &b"end"[..]));
                assert!(sent[4..bytes + 4].iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8));
                // It stays open: that its name is gone changes nothing.
                let _ = std::fs::remove_file(file.path());
            }
        });
    }

    #[test]
    fn a_file_that_is_shorter_or_gone_is_trouble_of_our_own() {
        pretend(async {
            let (_file, shorter) = upload(1_000, 1_001);
            let trouble = all(&Payload::Pieces([Piece::File(shorter)].into())).await.expect_err("it is shorter");
            assert_eq!(trouble.kind, ErrorKind::Local);
            assert_eq!(trouble.text, "`big.iso` has become shorter: it had 1001B when it was checked");
            let (file, gone) = upload(10, 10);
            drop(file);
            let trouble = all(&Payload::Pieces([Piece::File(gone)].into())).await.expect_err("it is gone");
            assert_eq!((trouble.kind, &*trouble.text), (ErrorKind::Local, "`big.iso` is not there any more"));
        });
    }
}
