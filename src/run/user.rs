//! One virtual user: walks the plan's operations, one after another.

use std::rc::Rc;
use std::time::Duration;

use super::random::Random;
use super::socket::Sockets;
use super::thread::Thread;
use crate::base::Offset;
use crate::plan::{UserId, Value};

/// One virtual user: a person with values, connections and a random stream of its own.
pub struct User {
    /// The world it lives in.
    pub thread: Rc<Thread>,
    /// Its class.
    pub class: UserId,
    /// Its number over the whole run, from 0.
    pub id: u64,
    /// How many iterations it has begun, less one.
    pub iteration: u64,
    /// Its values, by `SlotId`; `None`: nothing there.
    pub slots: Vec<Option<Value>>,
    /// Its sockets. Shared with the [`attend`](super::socket::attend) around its walk, which reads them as they come;
    /// cut with [`Sockets::cut`] after a failure and when the iteration is abandoned.
    pub sockets: Rc<Sockets>,
    /// The URL of the last HTTP answer in this iteration, where the plan has paths that may be relative to it.
    pub last_url: Option<String>,
    /// Its dice.
    pub random: Random,
    /// When the next step is due: the end of the last one, or of a pause.
    pub due: Offset,
    /// How long it has paused in this iteration.
    pub paused: Duration,
}

/// A step has failed and its sample is recorded: the iteration ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed;
