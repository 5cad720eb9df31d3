//! A connection as hyper sees it: counts its bytes, stamps the first one out, and remembers how it ended.

use std::cell::{Cell, RefCell, RefMut};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use hyper::rt::ReadBufCursor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::body::Watch;
use super::clock::Clock;
use super::dial::Trouble;
use super::network::Stream;
use crate::base::Offset;

/// Most bytes taken in one read.
const READ_MAX: usize = 16 << 10;

/// What a load thread's connections share.
pub struct Wires {
    /// Where bytes land before hyper, or a socket, takes them: so a read needs no memory of its own, and no byte is zeroed first.
    landing: RefCell<Box<[u8]>>,
    /// hyper's waker, see [`Wires::take_woken`].
    pub waker: Waker,
}

thread_local! {
    /// Whether hyper has woken itself on this thread.
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// What [`Wires::waker`] does: it points at nothing, so that clones, of which hyper makes several a request, cost
/// nothing.
static FLAG: RawWakerVTable =
    RawWakerVTable::new(|_| RawWaker::new(std::ptr::null(), &FLAG), |_| raise(), |_| raise(), |_| {});

fn raise() {
    WOKEN.set(true);
}

impl Default for Wires {
    fn default() -> Wires {
        // SAFETY: no function of the table looks at its pointer, and each may be called from any thread: a flag raised
        // on a thread that polls nothing is seen by nobody.
        #[allow(unsafe_code)]
        let waker = unsafe { Waker::new(std::ptr::null(), &FLAG) };
        Wires { landing: RefCell::new(vec![0; READ_MAX].into()), waker }
    }
}

impl Wires {
    /// Where bytes land, for whoever reads now.
    pub fn landing(&self) -> RefMut<'_, [u8]> {
        RefMut::map(self.landing.borrow_mut(), |landing| &mut **landing)
    }

    /// Whether hyper has woken itself since the last time this was asked.
    ///
    /// A connection and its answer are polled together, so hyper's wakes from the one to the other would only run the
    /// user's task again for nothing. They raise this flag instead, see [`Traffic::wants_poll`].
    /// The stream alone wakes the task.
    pub fn take_woken(&self) -> bool {
        WOKEN.replace(false)
    }
}

/// What is seen of a connection from outside.
pub struct Traffic {
    /// Who waits for the stream: the user's task.
    pub waker: RefCell<Waker>,
    /// When the first byte since the last [`Traffic::begin`] left.
    pub first_out: Cell<Option<Offset>>,
    /// When the system was given the last one.
    pub last_out: Cell<Offset>,
    /// When the first byte behind it came in.
    pub first_in: Cell<Option<Offset>>,
    /// When the last byte came in, or the peer's end; see [`Traffic::ended`].
    last_in: Cell<Offset>,
    /// Whether the last read has taken all there was, so that another one would find nothing.
    drained: Cell<bool>,
    /// Whether hyper was told so without asking the system: see [`Traffic::wants_poll`].
    unasked: Cell<bool>,
    /// The body that is being sent, where it is read meanwhile.
    pub watch: RefCell<Option<Rc<Watch>>>,
    /// Bytes out, since the connection was made.
    pub sent: Cell<u64>,
    /// Bytes in, since the connection was made.
    pub received: Cell<u64>,
    /// How the stream ended, if it has.
    pub end: RefCell<Option<Trouble>>,
}

impl Traffic {
    /// Of a stream that nothing went over yet, and that wakes this one.
    pub fn new(waker: Waker) -> Traffic {
        Traffic {
            waker: RefCell::new(waker),
            first_out: Cell::new(None),
            last_out: Cell::new(Offset::ZERO),
            first_in: Cell::new(None),
            last_in: Cell::new(Offset::ZERO),
            drained: Cell::new(false),
            unasked: Cell::new(false),
            watch: RefCell::default(),
            sent: Cell::new(0),
            received: Cell::new(0),
            end: RefCell::new(None),
        }
    }

    /// Lets the stream wake this one from now on.
    pub fn wakes(&self, who: &Waker) {
        let mut waker = self.waker.borrow_mut();
        if !waker.will_wake(who) {
            waker.clone_from(who);
            if let Some(watch) = &*self.watch.borrow() {
                watch.wakes(who);
            }
        }
    }

    /// When the last byte since the last [`Traffic::begin`] came in.
    pub fn ended(&self) -> Option<Offset> {
        self.first_in.get().map(|_| self.last_in.get())
    }

    /// Whether who has polled hyper over this stream is to poll once more before waiting for it: hyper has woken itself,
    /// or was told that there is nothing to read without asking the system, so that nothing would wake anybody.
    ///
    /// Behind the last byte of an answer hyper always reads once more. Most answers come in one piece, and it is
    /// nearly always in vain.
    pub fn wants_poll(&self, wires: &Wires) -> bool {
        self.unasked.replace(false) | wires.take_woken()
    }

    /// A new request begins, whose body is watched where it is read meanwhile.
    pub fn begin(&self, watch: Option<Rc<Watch>>) {
        self.first_out.set(None);
        self.first_in.set(None);
        // What the peer has done meanwhile is to be seen.
        self.drained.set(false);
        self.unasked.set(false);
        if let Some(watch) = &watch {
            watch.wakes(&self.waker.borrow());
        }
        *self.watch.borrow_mut() = watch;
    }
}

/// A stream for hyper.
pub struct Wire {
    pub stream: Stream,
    pub traffic: Rc<Traffic>,
    pub wires: Rc<Wires>,
    pub clock: Clock,
}

impl Wire {
    fn failed(&self, error: io::Error) -> io::Error {
        self.traffic.end.borrow_mut().get_or_insert_with(|| Trouble::of_io(&error));
        error
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.traffic.drained.replace(false) {
            this.traffic.unasked.set(true);
            return Poll::Pending;
        }
        let waker = this.traffic.waker.borrow();
        let cx = &mut Context::from_waker(&waker);
        let mut landing = this.wires.landing.borrow_mut();
        let room = buf.remaining().min(landing.len());
        let mut bytes = ReadBuf::new(&mut landing[..room]);
        match Pin::new(&mut this.stream).poll_read(cx, &mut bytes) {
            Poll::Ready(Ok(())) => {
                let bytes = bytes.filled();
                let now = this.clock.now();
                this.traffic.last_in.set(now);
                this.traffic.drained.set(this.stream.is_drained_by(bytes.len(), room));
                if !bytes.is_empty() && this.traffic.first_in.get().is_none() {
                    this.traffic.first_in.set(Some(now));
                }
                if bytes.is_empty() && room > 0 {
                    let end = || Trouble::new(crate::metrics::ErrorKind::Closed, "connection closed by the peer");
                    this.traffic.end.borrow_mut().get_or_insert_with(end);
                }
                buf.put_slice(bytes);
                this.traffic.received.set(this.traffic.received.get() + bytes.len() as u64);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(this.failed(error))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(|stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            // A request without a body is one piece, which costs the system less to send as such.
            [only] => self.poll_write(cx, only),
            several => self.get_mut().write(|stream, cx| stream.poll_write_vectored(cx, several)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let waker = this.traffic.waker.borrow();
        Pin::new(&mut this.stream).poll_flush(&mut Context::from_waker(&waker))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let waker = this.traffic.waker.borrow();
        Pin::new(&mut this.stream).poll_shutdown(&mut Context::from_waker(&waker))
    }
}

impl Wire {
    fn write(
        &mut self,
        write: impl FnOnce(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        // One look at the clock, before the system has it: most requests are one piece.
        let now = self.clock.now();
        if self.traffic.first_out.get().is_none() {
            self.traffic.first_out.set(Some(now));
        }
        self.traffic.last_out.set(now);
        let waker = self.traffic.waker.borrow();
        match write(Pin::new(&mut self.stream), &mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(count)) => {
                self.traffic.sent.set(self.traffic.sent.get() + count as u64);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.failed(error))),
            Poll::Pending => Poll::Pending,
        }
    }
}
