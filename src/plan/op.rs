//! What is done, operation by operation.

use super::{
    Call, Close, Connect, Events, Every, Expr, Http, OnReceive, OpId, PointId, Receive, ReceiveAll, ReceiveClose, Send,
    SeriesId, SlotId, SocketId, StepId, data,
};

/// One operation of the flat program. A failed one ends the iteration.
#[derive(Clone, Debug)]
pub enum Op {
    /// An HTTP request.
    Http(Box<Http>),
    /// Dials and upgrades.
    Connect(Box<Connect>),
    /// Opens a stream of server-sent events.
    Events(Box<Events>),
    /// Leaves a stream of events: its connection is closed, without a step.
    LeaveEvents {
        /// Where it is kept.
        socket: SocketId,
    },
    /// Opens a socket that outlives its block: does that block, and goes on behind it.
    Open {
        /// Where the socket is kept.
        socket: SocketId,
        /// Its block: from [`Op::Connect`] to an [`Op::End`] of its own.
        block: OpId,
        /// Behind the block.
        behind: OpId,
    },
    /// Opens a socket of the user's again, by the block that opened it, if it has dropped.
    Reopen {
        /// Where the socket is kept.
        socket: SocketId,
    },
    /// What comes up to `behind` is done on a socket that has outlived its block: its steps say so themselves.
    With {
        /// Where it stands.
        point: PointId,
        /// Behind its last operation.
        behind: OpId,
    },
    /// A standing answer stands from here on.
    OnReceive(Box<OnReceive>),
    /// A standing timer stands from here on.
    Every(Box<Every>),
    /// One message.
    Send(Box<Send>),
    /// Messages.
    Receive(Box<Receive>),
    /// Several messages, in any order.
    ReceiveAll(Box<ReceiveAll>),
    /// The peer's close.
    ReceiveClose(Box<ReceiveClose>),
    /// A message and its answer.
    Call(Box<Call>),
    /// The closing handshake; when `leaving`, nothing if the socket is closed already.
    Close(Box<Close>),
    /// A pause.
    Pause {
        /// How long.
        delay: Delay,
        /// Where it stands.
        point: PointId,
    },
    /// A value for later.
    Let {
        /// Where it is kept.
        slot: SlotId,
        /// Its value.
        value: Expr,
        /// Where it stands.
        point: PointId,
    },
    /// The next row that is dealt to the user.
    Take {
        /// Where it is kept.
        slot: SlotId,
        /// Which data it is dealt from.
        data: data::DataId,
        /// Where it stands.
        point: PointId,
    },
    /// Goes on at `to`.
    Jump {
        /// Where.
        to: OpId,
    },
    /// Goes on at `to` unless the condition holds.
    Unless {
        /// The condition.
        condition: Expr,
        /// Where otherwise.
        to: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Sets `counter` to 0 and `limit` to the count; goes on at `end` when that is 0.
    Loop {
        /// How often.
        count: Expr,
        /// How often it has run: also what `as i` names.
        counter: SlotId,
        /// How often it will run.
        limit: SlotId,
        /// Behind the loop.
        end: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Counts; goes on at `body` while `counter` is below `limit`.
    Again {
        /// See [`Op::Loop`].
        counter: SlotId,
        /// See [`Op::Loop`].
        limit: SlotId,
        /// The first operation of the body.
        body: OpId,
    },
    /// As [`Op::Unless`], but goes on at `to` where the condition holds.
    When {
        /// The condition.
        condition: Expr,
        /// Where then.
        to: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Sets `counter` to 0 and `until` to the moment behind which no turn begins; goes on at `end` when that is now.
    LoopFor {
        /// How long.
        length: Expr,
        /// How often it has run: also what `as i` names.
        counter: SlotId,
        /// When it ends, since the start of the run.
        limit: SlotId,
        /// Behind the loop.
        end: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Counts; goes on at `body` while there is time.
    AgainFor {
        /// See [`Op::LoopFor`].
        counter: SlotId,
        /// See [`Op::LoopFor`].
        limit: SlotId,
        /// The first operation of the body.
        body: OpId,
    },
    /// Gathers the items in `list` and puts the first in `item`; goes on at `end` where there is none.
    For {
        /// What is gone through.
        items: Items,
        /// So many at most; what is left out is counted.
        most: u32,
        /// Where each item stands for the body.
        item: SlotId,
        /// Where all of them are kept.
        list: SlotId,
        /// How many have been gone through.
        counter: SlotId,
        /// Behind the loop.
        end: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Puts the next item in `item` and goes on at `body`, as long as there is one.
    Next {
        /// See [`Op::For`].
        item: SlotId,
        /// See [`Op::For`].
        list: SlotId,
        /// See [`Op::For`].
        counter: SlotId,
        /// The first operation of the body.
        body: OpId,
    },
    /// Goes on where the dice say.
    Choose {
        /// Shares of the whole with where each way begins; each ends with a jump behind.
        ways: Vec<(f64, OpId)>,
        /// Where what is missing to 1 goes on.
        behind: OpId,
    },
    /// Begins a block whose failure, time or order is its own; it ends with [`Op::Leave`].
    Enter {
        /// Which.
        block: Block,
        /// Behind the block.
        behind: OpId,
    },
    /// Ends the innermost block.
    Leave,
    /// Ends the iteration without failure.
    Stop {
        /// Ends the user, too.
        user: bool,
    },
    /// Fails.
    Fail {
        /// The message.
        why: Option<Expr>,
        /// Where it stands.
        point: PointId,
    },
    /// A line for who watches.
    Log {
        /// What it says.
        text: Expr,
        /// Where it stands.
        point: PointId,
    },
    /// A recorded number.
    Measure(Measure),
    /// The block is done.
    End,
}

impl Op {
    /// Whether it is a step: something that is sent, or waited for from a target.
    pub fn is_step(&self) -> bool {
        matches!(
            self,
            Op::Http(_)
                | Op::Connect(_)
                | Op::Events(_)
                | Op::Send(_)
                | Op::Receive(_)
                | Op::ReceiveAll(_)
                | Op::ReceiveClose(_)
                | Op::Call(_)
                | Op::Close(_)
        )
    }
}

/// A block between [`Op::Enter`] and [`Op::Leave`].
#[derive(Clone, Debug)]
pub enum Block {
    /// A failure inside ends only the block.
    Attempt,
    /// A failure inside begins it again.
    Retry {
        /// How often it begins at most.
        count: Expr,
        /// The pause before it begins again, and where that stands.
        pause: Option<(Delay, PointId)>,
        /// Where the count stands.
        point: PointId,
    },
    /// Timed as one step, less its pauses.
    Group {
        /// Its row.
        step: StepId,
    },
    /// Its HTTP steps start together.
    Parallel,
}

/// What a [`Op::For`] goes through.
#[derive(Clone, Debug)]
pub enum Items {
    /// A list.
    List(Expr),
    /// Whole numbers, both ends included.
    Range(Expr, Expr),
    /// All rows of data.
    Rows(data::DataId),
}

/// A recorded number.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its row.
    pub series: SeriesId,
    /// A duration or a number.
    pub value: Expr,
    /// Where it stands.
    pub point: PointId,
}

/// Most turns of one `repeat`; more is a `value` failure.
pub const REPEAT_MAX: u32 = 1_000_000;

/// How long a pause is.
#[derive(Clone, Debug)]
pub enum Delay {
    /// Not at all.
    None,
    /// Always as long.
    Fixed(Expr),
    /// Uniform between both.
    Range(Expr, Expr),
    /// Exponential with this mean, cut off at [`EXPONENTIAL_TIMES_MAX`] times it.
    Exponential(Expr),
}

/// An exponential pause is never longer than so many times its mean (one draw in 20,000 would be).
pub const EXPONENTIAL_TIMES_MAX: f64 = 10.0;
