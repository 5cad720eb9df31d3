//! Flags about the way to the targets, the same for `scn run` and `scn try`.

use std::net::SocketAddr;

use super::values;
use crate::run::resolve::Pinned;

/// What names stand for, and whom to ask.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "ways", multiple = true)]
pub struct Flags {
    /// Take this address for a name, whatever DNS says, as in shop.test:443:127.0.0.1; may be given several times
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = values::pinned, help_heading = "Target")]
    pub resolve: Vec<Pinned>,

    /// Ask this name server in place of the system's; may be given several times
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = values::name_server, help_heading = "Target")]
    pub dns_server: Vec<SocketAddr>,
}
