//! Where probes of a cache work: a connection of each tenant, the names of their keys, and what was found so far.

use super::link::{Link, Session, Wrong, text};
use crate::certify::deployment::{Deployment, Redis, Tenant};
use crate::certify::report::{Component, Finding, Proof};

/// What a key is called that nobody has.
const NOBODYS: &str = "cellproof-nobodys";

/// Where probes work.
pub struct Desk<'d> {
    /// How to connect.
    pub link: Link,
    /// The deployment's table.
    pub redis: &'d Redis,
    /// Who acts.
    pub a: &'d Tenant,
    /// Whose keys it must not see.
    pub b: &'d Tenant,
    /// A connection of the one.
    pub own: Session,
    /// A connection of the other.
    pub other: Session,
    /// What `INFO` says, if anybody may ask.
    pub info: Option<String>,
    /// What was found.
    pub component: Component,
}

impl<'d> Desk<'d> {
    /// Enters as both tenants.
    ///
    /// # Errors
    /// Says what is in the way, and which server said so.
    pub fn open(
        deployment: &'d Deployment,
        redis: &'d Redis,
        link: Link,
        mut component: Component,
    ) -> Result<Desk<'d>, (String, String)> {
        let (a, b) = deployment.tenants();
        let unreachable = |why: String| (format!("failed to connect to {}: {why}", link.place()), String::new());
        let own = link.enter(0, None).map_err(unreachable)?;
        let other = link.enter(1, None).map_err(unreachable)?;
        let info = own.ask(&["INFO"]).or_else(|_| other.ask(&["INFO"])).ok().map(|v| text(&v));
        let version = info.as_deref().and_then(|i| field(i, "redis_version"));
        component.server = version.map_or("a server that does not say what it is".to_owned(), |v| format!("Redis {v}"));
        for (session, tenant) in [(&own, a), (&other, b)] {
            if let Some(pattern) = &redis.database {
                let wrong = |w: Wrong| {
                    (format!("failed to select the database of {}: {}", tenant.id, w.message), String::new())
                };
                session.ask(&["SELECT", &tenant.fill(pattern)]).map_err(wrong)?;
            }
            let key = format!("{}{NOBODYS}", tenant.fill(&redis.keys));
            let wrong = |w: Wrong| {
                let what = format!("{} may not even read a key of its own ({key}): {}", tenant.id, w.message);
                (what, component.server.clone())
            };
            session.ask(&["GET", &key]).map_err(wrong)?;
        }
        component.tenancy.push(format!("keys of a tenant begin with {}", redis.keys));
        Ok(Desk { link, redis, a, b, own, other, info, component })
    }

    /// A key of a tenant that nobody has.
    pub fn key(&self, tenant: &Tenant) -> String {
        format!("{}{NOBODYS}", tenant.fill(&self.redis.keys))
    }

    /// A channel of a tenant that nobody has.
    pub fn channel(&self, tenant: &Tenant) -> String {
        format!("{}{NOBODYS}", tenant.fill(self.redis.channels.as_ref().unwrap_or(&self.redis.keys)))
    }

    /// Notes a finding; one object is blamed once.
    pub fn find(
        &mut self,
        object: &str,
        what: String,
        requirements: &[&'static str],
        proof: Proof,
        repair: Vec<String>,
    ) {
        if self.redis.shared.iter().any(|s| s.object == object) {
            return;
        }
        let (object, requirements) = (object.to_owned(), requirements.to_vec());
        self.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }

    /// Notes what looks wrong and was not shown.
    pub fn suspect(&mut self, object: &str, what: &str, requirements: &[&'static str], why: &str) {
        if !self.redis.shared.iter().any(|s| s.object == object) {
            self.component.suspect(object, what, requirements, why);
        }
    }

    /// A proof on a tenant's connection, or on nobody's.
    pub fn proof(&self, tenant: Option<&Tenant>, commands: &[&[&str]], saw: impl Into<String>) -> Proof {
        let statements = commands.iter().map(|words| words.join(" ")).collect();
        let connection = if tenant.is_some() { "reused" } else { "fresh" };
        Proof { tenant: tenant.map(|t| t.id.clone()), connection, statements, saw: saw.into() }
    }
}

/// A field of `INFO`.
pub fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// A name in a pattern that stands for itself alone.
pub fn glob(name: &str) -> String {
    let escaped = |c: char| if "*?[]\\^".contains(c) { format!("\\{c}") } else { c.to_string() };
    name.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_name_with_wildcards_is_escaped_in_a_pattern() {
        assert_eq!(glob("t:?cme*:"), "t:\\?cme\\*:");
        assert_eq!(glob("t:acme:"), "t:acme:");
    }
}
