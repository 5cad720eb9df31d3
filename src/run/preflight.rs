//! What is looked at before the load: once the targets' names are resolved and allowed, whether this machine can make
//! the connections that the plan wants, and whether anybody answers there.
//!
//! What this machine lacks ends the run before the first packet. A target that does not answer is only a warning: it
//! may be what is to be measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::clock::{Clock, Elapsed};
use super::dial::Trouble;
use super::network::Network;
use super::place::Base;
use super::resolve::Found;
use super::source::{exist, fitting, no_source_for};
use super::{Error, Options, limits};
use crate::base::units::duration_text;
use crate::plan::Plan;

/// So long is waited for an answer of the targets, all at the same time.
const REACH_WAIT: Duration = Duration::from_secs(2);

/// Who is told of warnings.
pub type Warned = Arc<dyn Fn(&Warning) + Send + Sync>;

/// Something that does not keep a run from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// No connection to a target could be made before the run.
    Unreachable {
        /// The target, as `Host` headers say it.
        target: String,
        /// What happened.
        why: String,
    },
}

/// Whether this machine has the addresses, descriptors and ports for the plan, whose targets have these addresses.
pub(super) fn check(plan: &Plan, bases: &[Base], found: &[Found], options: &Options) -> Result<(), Error> {
    exist(&options.sources)?;
    for (base, Found { addresses, .. }) in bases.iter().zip(found) {
        if let Some(one) = addresses.first()
            && addresses.iter().all(|to| fitting(&options.sources, to.ip()) == 0)
        {
            return Err(Error::NoSource(base.origin.host.clone(), no_source_for(one.ip())));
        }
    }
    let named = bases.iter().zip(found);
    let targets: Vec<_> = named.map(|(base, found)| (base.origin.authority.clone(), found.addresses.clone())).collect();
    limits::suffice(plan, &targets, limits::ports(), options)
}

/// One connection to each target, closed at once: which of them there is none to.
pub(super) async fn reach(network: &dyn Network, clock: &Clock, bases: &[Base], found: &[Found]) -> Vec<Warning> {
    let deadline = clock.now() + REACH_WAIT;
    let knocks = bases.iter().zip(found).map(async |(base, Found { addresses, .. })| {
        let why = match clock.within(deadline, knock(network, addresses)).await {
            Ok(Ok(())) => return None,
            Ok(Err(trouble)) => trouble.text,
            Err(Elapsed) => format!("no connection within {}", duration_text(REACH_WAIT)),
        };
        Some(Warning::Unreachable { target: base.origin.authority.clone(), why })
    });
    join_all(knocks).await.into_iter().flatten().collect()
}

/// Whether a connection to one of the addresses can be made.
async fn knock(network: &dyn Network, addresses: &[SocketAddr]) -> Result<(), Trouble> {
    let mut trouble = None;
    for &to in addresses {
        match network.connect(to).await {
            Ok(_) => return Ok(()),
            Err(error) => trouble = Some(Trouble::of_connect(&error, to)),
        }
    }
    trouble.map_or(Ok(()), Err)
}
