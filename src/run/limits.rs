//! What the operating system grants: descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Error;
use crate::plan::{Op, Plan};

/// Descriptors beside those of connections: files, the terminal, each load thread's event queue and timer, names that
/// are being looked up, and an embedded service's listener.
const HEADROOM: u64 = 100;

/// Raises the soft limit of descriptors to the hard one, and says when that is too low for `plan`. Where the service
/// is `served_here`, a connection takes two.
pub(super) fn raise(plan: &Plan, served_here: bool) -> Result<(), Error> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // A refusal leaves the soft limit; whether that is enough is checked below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    let have = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    match HEADROOM + connections(plan) * (1 + u64::from(served_here)) {
        need if need > have => Err(Error::Descriptors { need, have }),
        _ => Ok(()),
    }
}

/// How many connections `plan` holds at most: one for each user's HTTP requests, and one for each of its sockets.
fn connections(plan: &Plan) -> u64 {
    let http = plan.ops.iter().any(|op| matches!(op, Op::Http(_)));
    let counts = plan.user_counts();
    let each = plan.users.iter().map(|user| u64::from(http) + u64::from(user.sockets));
    counts.into_iter().zip(each).map(|(count, each)| u64::from(count) * each).sum::<u64>()
}
