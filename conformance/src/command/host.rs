//! `cellproof host`: a reference model behind a wire protocol.

use crate::args::Host as What;
use crate::exit::{Done, Exit, Refusal};
use crate::host::kafka::Host;
use crate::host::kafka::config::Config;
use crate::input;
use crate::terminal::say;

/// Serves until somebody ends the process.
pub fn host(what: &What) -> Done {
    let What::Kafka { cluster } = what;
    let name = cluster.display().to_string();
    let config = Config::parse(&name, &input::read(cluster)?);
    let config = config.map_err(|p| input::mistaken(&p, "the cluster; nothing was started"))?;
    let host = Host::start(config).map_err(|message| Refusal { exit: Exit::Usage, message })?;
    for (listener, address) in &host.addresses {
        say(&format!("{listener}://{address}\n"));
    }
    host.wait();
    Ok(Exit::Held)
}
