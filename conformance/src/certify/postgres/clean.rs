//! What a judge that was killed leaves on a server, taken away.
//!
//! No mode commits anything, so there are no objects; a connection whose client is gone may still hold a statement and
//! its locks until the server notices, and is ended here.

use super::link::{APPLICATION, Link};
use crate::certify::deployment::{Deployment, Postgres};

/// Ends connections of earlier judges with the same role, and says how many there were.
///
/// # Errors
/// Says why the server could not be asked.
pub fn clean(deployment: &Deployment, postgres: &Postgres) -> Result<u64, String> {
    let link = Link::new(postgres, &deployment.home)?;
    let session = link.open().map_err(|why| format!("failed to connect to {}: {why}", link.place()))?;
    let sql = format!(
        "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity \
         WHERE application_name = '{APPLICATION}' AND usename = session_user AND pid <> pg_backend_pid()) AS \
         all_of_them \
         WHERE ended"
    );
    let rows = session.rows(&sql).map_err(|wrong| wrong.message)?;
    Ok(rows.first().and_then(|r| r[0].clone()?.parse().ok()).unwrap_or(0))
}
