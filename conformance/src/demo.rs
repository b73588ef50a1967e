//! A small platform of real servers on loopback, sound or with chosen defects, and the deployment that names it: what
//! `certify` is shown on, and tried on before anybody lets it near their own.
//!
//! HAProxy in front, an application behind it, PostgreSQL and Redis under that, and beside them the reference model of
//! Kafka on its own wire protocol, because no broker that asks for permission is a package of Debian's. The sound
//! platform is the one that the tests of `certify` find nothing wrong with.

pub mod defects;
mod service;

use crate::host::kafka::Host;
use crate::host::kafka::config::Config as Cluster;
use crate::provision::authority::{Authority, pem};
use crate::provision::{haproxy, postgres, redis};
use defects::Defect;
use rcgen::{KeyPair, PublicKeyData};
use service::Service;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use tokio::runtime::Builder;
use tokio_postgres::{Config, NoTls};

/// Those who have a login; the database holds rows of another one too.
const TENANTS: [&str; 2] = ["acme", "globex"];
/// The database's role that the application is.
const ROLE: &str = "demo_app";
/// What every password here ends with: all of it listens on loopback, and holds nothing.
const PASSWORD: &str = "password";

const SCHEMA: &str = include_str!("../tests/postgres/base/usual.sql");
const CACHE: &str = include_str!("../tests/redis/sound/usual.conf");
const CLUSTER: &str = include_str!("../tests/kafka/sound/usual.toml");
const GATEWAY: &str = include_str!("../tests/gateway/haproxy.cfg");

/// Whose configuration a defect stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// PostgreSQL.
    Database,
    /// Redis.
    Cache,
    /// The reference model of Kafka.
    Brokers,
    /// HAProxy.
    Gateway,
}

/// The platform at work: it ends with the value.
pub struct Demo {
    /// Where what listens, in order of starting.
    pub told: Vec<String>,
    // In the order in which they are to end: who asks before who is asked.
    _gateway: haproxy::Server,
    _service: Service,
    _brokers: Host,
    _cache: redis::Server,
    _database: postgres::Server,
}

impl Demo {
    /// Starts it with defects, and writes the deployment, `deployment.toml`, into a directory that is made for it.
    ///
    /// # Errors
    /// Says which program is absent or did not start, and what could not be written. Nothing is left running.
    pub fn up(dir: &Path, defects: &[&Defect]) -> Result<Demo, String> {
        fs::create_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Demo::start(dir, defects).inspect_err(|_| {
            // It was made for this; what is in the way of removing it is in nobody else's.
            let _ = fs::remove_dir_all(dir);
        })
    }

    fn start(dir: &Path, defects: &[&Defect]) -> Result<Demo, String> {
        let planted = |part: Part, sound: &str| {
            let of_part = defects.iter().filter(|defect| defect.part == part);
            of_part.fold(sound.to_owned(), |whole, defect| defect.planted(&whole))
        };
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
        };
        let ours = Authority::new("demonstration");
        write("ca.pem", &ours.pem())?;
        for name in ["acme", "globex", "auditor", "admin", "client"] {
            let (certificate, key) = ours.sign(name, &[]);
            write(&format!("{name}.pem"), &certificate)?;
            write(&format!("{name}.key"), &key)?;
            write(&format!("password-{name}"), &format!("{name}-{PASSWORD}"))?;
        }
        write("password-app", &format!("app-{PASSWORD}"))?;
        let (certificate, key) = ours.sign("demonstration", &["127.0.0.1", "localhost"]);
        write("broker.pem", &certificate)?;
        write("broker.key", &key)?;

        let database = postgres::server()?;
        build(&database.url, &planted(Part::Database, SCHEMA))?;
        let as_role = role(&database.url)?;
        let port = as_role.get_ports().first().copied().unwrap_or(5432);
        let cache = redis::server(&planted(Part::Cache, CACHE), &[])?;
        let file = dir.join("cluster.toml");
        let cluster = Cluster::parse(&file.to_string_lossy(), &planted(Part::Brokers, CLUSTER));
        let brokers = Host::start(cluster.map_err(|e| e.to_string())?)?;
        let service = Service::start(as_role, cache.port)?;
        let issuer = KeyPair::generate().map_err(|e| e.to_string())?;
        write("issuer.key", &pem("PRIVATE KEY", &issuer.serialize_der()))?;
        let public = pem("PUBLIC KEY", &issuer.subject_public_key_info());
        let (both, authority) = (format!("{certificate}{key}"), ours.pem());
        let files = [("both.pem", both.as_str()), ("ca.pem", authority.as_str()), ("issuer.pub", public.as_str())];
        let edge = planted(Part::Gateway, GATEWAY).replace("BACKEND", &service.port.to_string());
        let gateway = haproxy::server(&edge, &files)?;
        let listener = brokers.port("SASL_SSL").ok_or("the brokers have no listener")?;
        let (edge, keys) = (gateway.port, cache.port);
        write(
            "deployment.toml",
            &deployment(&Ports { gateway: edge, database: port, cache: keys, brokers: listener }),
        )?;
        let told = vec![
            format!("database     postgres://{ROLE}@127.0.0.1:{port}/demo"),
            format!("cache        redis://127.0.0.1:{keys}"),
            format!("brokers      kafka://127.0.0.1:{listener} (the reference model)"),
            format!("application  http://127.0.0.1:{}/v1/query", service.port),
            format!("gateway      https://127.0.0.1:{edge}/v1/query"),
        ];
        let (_gateway, _service, _brokers, _cache, _database) = (gateway, service, brokers, cache, database);
        Ok(Demo { told, _gateway, _service, _brokers, _cache, _database })
    }
}

/// The application's role at a server, by the URL of a superuser.
fn role(url: &str) -> Result<Config, String> {
    let mut config = Config::from_str(url).map_err(|e| e.to_string())?;
    config.dbname("demo").user(ROLE).password(format!("app-{PASSWORD}"));
    Ok(config)
}

/// Makes roles, database and schema.
fn build(url: &str, schema: &str) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let run = |database: &str, text: &str| {
        runtime.block_on(async {
            let mut config = Config::from_str(url).map_err(|e| e.to_string())?;
            let (client, connection) = config.dbname(database).connect(NoTls).await.map_err(|e| e.to_string())?;
            let _talk = tokio::spawn(connection);
            client.batch_execute(text).await.map_err(|e| e.to_string())
        })
    };
    run("postgres", &format!("CREATE ROLE demo_owner NOLOGIN; CREATE ROLE {ROLE} LOGIN PASSWORD 'app-{PASSWORD}'"))?;
    run("postgres", "CREATE DATABASE demo TEMPLATE template0")?;
    run("demo", &format!("GRANT ALL ON SCHEMA public TO demo_owner; GRANT USAGE ON SCHEMA public TO {ROLE}"))?;
    run("demo", &schema.replace("{app}", ROLE).replace("{owner}", "demo_owner").replace("{db}", "demo"))
}

struct Ports {
    gateway: u16,
    database: u16,
    cache: u16,
    brokers: u16,
}

fn deployment(ports: &Ports) -> String {
    let Ports { gateway, database, cache, brokers } = ports;
    let tenants =
        TENANTS.map(|id| format!("[[tenant]]\nid = \"{id}\"\nvalues = {{ region = \"eu-west\" }}\n")).concat();
    format!(
        r#"version = 1
name = "demonstration"
# Everything here was made to be judged: marked objects may be made, and are removed.
mode = "destructive"
{tenants}
[postgres]
url = "postgres://{ROLE}@127.0.0.1:{database}/demo"
password = {{ file = "password-app" }}

[redis]
url = "redis://127.0.0.1:{cache}"
user = "t_{{id}}"
password = {{ file = "password-{{id}}" }}
keys = "t:{{id}}:"
sample = "query"

[kafka]
url = "kafka://127.0.0.1:{brokers}"
user = "t_{{id}}"
password = {{ file = "password-{{id}}" }}
tls = {{ ca = "ca.pem", certificate = "{{id}}.pem", key = "{{id}}.key" }}
topics = "tenant.{{id}}."
sample = "orders"
group = "billing"
platform = ["platform.mirror"]
audit = ["platform.audit"]
racks = "{{region}}"

[kafka.operator]
user = "admin"
password = {{ file = "password-admin" }}
certificate = "admin.pem"
key = "admin.key"

[gateway]
url = "https://127.0.0.1:{gateway}/v1/query"
tls = {{ ca = "ca.pem", certificate = "client.pem", key = "client.key" }}
region = {{ claim = "region", foreign = "us-east" }}
forbidden = "/admin/tenants"
tenant-cookie = "tenant"
shows = "x-tenant-id: {{id}}"
flood = 300

[gateway.token]
key = {{ file = "issuer.key" }}
key-id = "issuer"
claims = {{ iss = "https://idp.example", aud = "switchboard", tenant = "{{id}}", region = "eu-west" }}
leeway-s = 60
lifetime-s-max = 3600
"#
    )
}
