//! What the operating system grants, against what the plan needs: descriptors and source ports.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::session::PER_ORIGIN_MAX;
use super::source::fitting;
use super::{Error, Options};
use crate::plan::{Block, Op, Plan, StepId};

/// Descriptors beside those of connections: files, the terminal, each load thread's event queue and timer, names that
/// are being looked up, and an embedded service's listener.
const HEADROOM: u64 = 100;

/// Something that the plan needs more of than there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// File descriptors.
    Descriptors {
        /// One for each connection and socket of each user, and some for scn itself.
        need: u64,
        /// The hard limit.
        have: u64,
    },
    /// Source ports towards one target.
    Ports {
        /// The target, as `Host` headers say it.
        target: String,
        /// One for each connection and socket that leads there.
        need: u64,
        /// `ports` for each pair of one of our addresses and one of its own.
        have: u64,
        /// How many ports an address of ours has for one destination.
        ports: u64,
    },
}

/// Raises the soft limit of descriptors to the hard one, and says what of descriptors and ports is too little for
/// `plan`, whose targets have these names and addresses. Where the service is served here, a connection takes two
/// descriptors.
pub(super) fn suffice(
    plan: &Plan,
    targets: &[(String, Vec<SocketAddr>)],
    ports: u64,
    options: &Options,
) -> Result<(), Error> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // A refusal leaves the soft limit; whether that is enough is checked below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    let have = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = Connections::of(plan);
    let need = HEADROOM + connections.all * (1 + u64::from(options.served_here));
    let descriptors = (need > have).then_some(Shortage::Descriptors { need, have });
    let shortages: Vec<_> = descriptors.into_iter().chain(connections.shortages(targets, ports, options)).collect();
    match shortages.is_empty() {
        true => Ok(()),
        false => Err(Error::Shortages(shortages)),
    }
}

/// How many ports the system gives to one address of ours for one destination.
pub(super) fn ports() -> u64 {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
    ports_of(&read("ip_local_port_range"), &read("ip_local_reserved_ports"))
}

/// The ports of a range like `32768 60999`, without those of a list like `40000-40010,50000`. A range that cannot be
/// read (no /proc) grants all ports: the run itself will tell.
fn ports_of(range: &str, reserved: &str) -> u64 {
    let mut words = range.split_whitespace().map(|word| word.parse::<u64>().ok());
    let (Some(Some(first)), Some(Some(last))) = (words.next(), words.next()) else { return u64::from(u16::MAX) };
    let within = |part: &str| {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (from, to) = (from.parse::<u64>().ok()?.max(first), to.parse::<u64>().ok()?.min(last));
        (from <= to).then(|| to - from + 1)
    };
    (last + 1).saturating_sub(first).saturating_sub(reserved.split(',').filter_map(within).sum())
}

/// How many connections a plan holds at most at the same time.
struct Connections {
    /// All together.
    all: u64,
    /// Towards each target.
    towards: Vec<u64>,
}

impl Connections {
    /// One for each user's HTTP requests to a target, and one for each of its sockets; as many as may be open at once
    /// where a `parallel` starts several.
    fn of(plan: &Plan) -> Connections {
        let counts = plan.user_counts();
        let class = |step: StepId| plan.series[plan.steps[step.0 as usize].series.0 as usize].user.0 as usize;
        let mut http = vec![vec![0_u64; plan.targets.len()]; plan.users.len()];
        let mut sockets = BTreeSet::new();
        for (index, op) in plan.ops.iter().enumerate() {
            match op {
                Op::Http(op) => {
                    let most = &mut http[class(op.step)][op.target.0 as usize];
                    *most = (*most).max(1);
                }
                Op::Connect(op) => {
                    sockets.insert((class(op.step), op.request.target.0 as usize, op.socket.0));
                }
                Op::Events(op) => {
                    sockets.insert((class(op.step), op.request.target.0 as usize, op.socket.0));
                }
                Op::Enter { block: Block::Parallel, behind } => {
                    let inside = &plan.ops[index..(behind.0 as usize).clamp(index, plan.ops.len())];
                    let repeats = |op: &Op| matches!(op, Op::Loop { .. } | Op::LoopFor { .. } | Op::For { .. });
                    let each = if inside.iter().any(repeats) { PER_ORIGIN_MAX as u64 } else { 1 };
                    let mut at_once = vec![0; plan.targets.len()];
                    for op in inside {
                        let Op::Http(op) = op else { continue };
                        let (sum, most) =
                            (&mut at_once[op.target.0 as usize], &mut http[class(op.step)][op.target.0 as usize]);
                        *sum = (*sum + each).min(PER_ORIGIN_MAX as u64);
                        *most = (*most).max(*sum);
                    }
                }
                _ => {}
            }
        }
        let mut towards = vec![0; plan.targets.len()];
        let mut all = 0;
        for ((class, http), count) in http.iter().enumerate().zip(counts) {
            let count = u64::from(count);
            all += count * (http.iter().sum::<u64>() + u64::from(plan.users[class].sockets));
            for (target, sum) in towards.iter_mut().enumerate() {
                let sockets = sockets.iter().filter(|(of, to, _)| (*of, *to) == (class, target)).count();
                *sum += count * (http[target] + sockets as u64);
            }
        }
        Connections { all, towards }
    }

    /// The targets that cannot have as many connections. Those at the same addresses share what there is.
    fn shortages(
        &self,
        targets: &[(String, Vec<SocketAddr>)],
        ports: u64,
        options: &Options,
    ) -> impl Iterator<Item = Shortage> {
        targets.iter().enumerate().filter_map(move |(index, (target, addresses))| {
            let shared = |other: usize| targets[other].1 == *addresses;
            if (0..index).any(shared) {
                return None;
            }
            let need = (index..targets.len()).filter(|&other| shared(other)).map(|other| self.towards[other]).sum();
            let ways = addresses.iter().map(|to| fitting(&options.sources, to.ip()) as u64).sum::<u64>();
            let have = ways * ports;
            (need > have).then(|| Shortage::Ports { target: target.clone(), need, have, ports })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::SeriesKind;
    use crate::run::fixture;

    #[test]
    fn the_ports_of_a_range_are_those_that_are_not_reserved() {
        assert_eq!(ports_of("32768\t60999\n", "\n"), 28_232);
        assert_eq!(ports_of("40000 40009", "40000-40004,40009,50000,39990-40000"), 10 - 5 - 1 - 1);
        assert_eq!(ports_of("40000 40000", ""), 1);
        assert_eq!(ports_of("", ""), 65_535);
    }

    /// A plan of so many users, each with an HTTP connection and a socket, to the one target.
    fn plan(users: u32) -> Plan {
        let rows = [("get", SeriesKind::Http), ("connect", SeriesKind::Connect)];
        let mut plan = fixture::plan(&rows, &[]);
        plan.load = crate::plan::Load::closed("test", vec![1.0], users, 1.0, std::time::Duration::from_secs(1));
        plan.users[0].sockets = 1;
        let request = |step| fixture::request(StepId(step));
        let connect = crate::plan::Connect {
            step: StepId(1),
            socket: crate::plan::SocketId(0),
            request: request(1),
            subprotocol: None,
            leaves: None,
        };
        plan.ops = vec![Op::Http(Box::new(request(0))), Op::Connect(Box::new(connect)), Op::End];
        plan
    }

    fn short_of(plan: &Plan, addresses: &[&str], ports: u64, sources: &[&str]) -> Vec<(u64, u64)> {
        let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let sources = sources.iter().map(|text| text.parse().expect("an address")).collect();
        let options = Options { sources, ..Options::default() };
        let targets = [("one".to_owned(), addresses)];
        let connections = Connections::of(plan);
        let all = connections.shortages(&targets, ports, &options).map(|shortage| match shortage {
            Shortage::Ports { need, have, .. } => (need, have),
            other => panic!("{other:?}"),
        });
        all.collect()
    }

    #[test]
    fn ports_are_counted_for_each_pair_of_addresses() {
        let (one, two) = (["127.0.0.1:80"].as_slice(), ["127.0.0.1:80", "127.0.0.9:80"].as_slice());
        assert_eq!(short_of(&plan(50), one, 100, &[]), []);
        assert_eq!(short_of(&plan(51), one, 100, &[]), [(102, 100)]);
        assert_eq!(short_of(&plan(100), one, 100, &["127.0.0.2", "127.0.0.3"]), []);
        assert_eq!(short_of(&plan(101), one, 100, &["127.0.0.2", "127.0.0.3"]), [(202, 200)]);
        assert_eq!(short_of(&plan(100), two, 100, &[]), []);
        // An address of the other family is none.
        assert_eq!(short_of(&plan(51), one, 100, &["127.0.0.2", "::1"]), [(102, 100)]);
    }

    #[test]
    fn what_starts_in_parallel_is_counted_up_to_the_limit_of_a_user() {
        let http = || Op::Http(Box::new(fixture::request(StepId(0))));
        let mut plan = plan(1);
        for (requests, counted) in [(1, 1), (3, 3), (9, PER_ORIGIN_MAX as u64)] {
            let behind = crate::plan::OpId(requests + 2);
            plan.ops = vec![Op::Enter { block: Block::Parallel, behind }];
            plan.ops.extend((0..requests).map(|_| http()).chain([Op::Leave, Op::End]));
            let connections = Connections::of(&plan);
            assert_eq!((connections.towards[0], connections.all), (counted, counted + 1), "{requests}");
        }
    }
}
