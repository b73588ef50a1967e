//! Defects that the demonstration may have: usual mistakes, each in one line or two of a sound configuration.

use super::Part;

/// A defect.
#[derive(Debug)]
pub struct Defect {
    /// Its name on the command line: the part, and what is wrong.
    pub name: &'static str,
    /// Whose configuration it stands in.
    pub part: Part,
    /// What was done, as somebody would tell it.
    pub what: &'static str,
    /// What stands in the sound configuration; nothing, when something is added at its end.
    pub from: Option<&'static str>,
    /// What stands there instead.
    pub to: &'static str,
    /// What a finding of `certify` must blame.
    pub object: &'static str,
    /// The requirement that it breaks, first of all.
    pub breaks: &'static str,
}

impl Defect {
    /// The configuration with it.
    ///
    /// # Panics
    /// What it replaces is not there.
    pub fn planted(&self, sound: &str) -> String {
        match self.from {
            Some(from) => {
                assert!(sound.contains(from), "{}: no {from}", self.name);
                sound.replacen(from, self.to, 1)
            }
            None => format!("{sound}\n{}\n", self.to),
        }
    }
}

/// The defect of that name.
///
/// # Errors
/// There is none; the message names them all.
pub fn find(name: &str) -> Result<&'static Defect, String> {
    let known = || DEFECTS.iter().map(|defect| defect.name).collect::<Vec<_>>().join(", ");
    DEFECTS.iter().find(|d| d.name == name).ok_or_else(|| format!("no defect {name}: expected one of {}", known()))
}

/// All of them.
pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "database.owner-not-forced",
        part: Part::Database,
        what: "the application owns a table, and row security is not forced on owners",
        from: None,
        to: "ALTER TABLE orders OWNER TO {app};\nALTER TABLE orders NO FORCE ROW LEVEL SECURITY;",
        object: "public.orders",
        breaks: "STO-01",
    },
    Defect {
        name: "database.unset-means-all",
        part: Part::Database,
        what: "whoever forgets to set a tenant sees everything",
        from: None,
        to: "DROP POLICY fence ON customers;\n\
             CREATE POLICY fence ON customers USING (current_setting('app.tenant_id', true) IS NULL \
             OR tenant_id = current_setting('app.tenant_id', true));",
        object: "public.customers",
        breaks: "STO-01",
    },
    Defect {
        name: "database.materialised-view",
        part: Part::Database,
        what: "a materialised view holds everybody's sums, and row security does not exist for it",
        from: None,
        to: "CREATE MATERIALIZED VIEW turnover AS SELECT tenant_id, sum(total) AS turnover FROM orders \
             GROUP BY tenant_id;\nGRANT SELECT ON turnover TO {app};",
        object: "public.turnover",
        breaks: "STO-03",
    },
    Defect {
        name: "database.definer-function",
        part: Part::Database,
        what: "a function runs with the rights of the superuser who made it",
        from: None,
        to: "CREATE FUNCTION tenant_names() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER \
             SET search_path = public, pg_temp AS $$ SELECT name FROM tenants ORDER BY name $$;",
        object: "public.tenant_names()",
        breaks: "STO-03",
    },
    Defect {
        name: "cache.default-user",
        part: Part::Cache,
        what: "the default user is on, without a password, with every right",
        from: Some("user default off"),
        to: "user default on nopass ~* &* +@all",
        object: "user default",
        breaks: "CAC-01",
    },
    Defect {
        name: "cache.scan",
        part: Part::Cache,
        what: "one tenant's user may SCAN, which names every key whatever its patterns say",
        from: Some("-keys -scan -randomkey"),
        to: "-keys -randomkey",
        object: "user t_acme, commands",
        breaks: "TEN-02",
    },
    Defect {
        name: "brokers.prefix-without-separator",
        part: Part::Brokers,
        what: "the right to a tenant's topics ends before the separator",
        from: Some("resource = \"topic\"\nname = \"tenant.acme.\""),
        to: "resource = \"topic\"\nname = \"tenant.acme\"",
        object: "User:t_acme, topics",
        breaks: "EVT-01",
    },
    Defect {
        name: "brokers.no-client-certificate",
        part: Part::Brokers,
        what: "clients need no certificate",
        from: Some("\"ssl.client.auth\" = \"required\"\n"),
        to: "",
        object: "listener, certificates",
        breaks: "IDN-05",
    },
    Defect {
        name: "gateway.expiry",
        part: Part::Gateway,
        what: "nobody looks when a token expires",
        from: Some("    http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }\n"),
        to: "",
        object: "token, exp and nbf",
        breaks: "IDN-01",
    },
    Defect {
        name: "gateway.tenant-header",
        part: Part::Gateway,
        what: "the tenant is added to what the client sent",
        from: Some("http-request set-header x-tenant-id"),
        to: "http-request add-header x-tenant-id",
        object: "header x-tenant-id",
        breaks: "TEN-01",
    },
    Defect {
        name: "gateway.shared-limit",
        part: Part::Gateway,
        what: "all tenants share one limit",
        from: Some("track-sc0 var(txn.tenant)"),
        to: "track-sc0 str(all)",
        object: "rate limit",
        breaks: "SRV-04",
    },
];
