//! A small platform of real servers, on loopback or in containers, sound or with chosen defects, and the deployment
//! that names it: what `certify` is shown on, and tried on before anybody lets it near their own; and what a drill is
//! carried out on.
//!
//! HAProxy in front, an application behind it, PostgreSQL and Redis under that, and beside them the reference model of
//! Kafka on its own wire protocol, because no broker that asks for permission is a package of Debian's. The sound
//! platform is the one that the tests of `certify` find nothing wrong with.

pub mod defects;
pub mod ground;
pub mod left;
pub mod relay;
mod service;

use crate::host::kafka::Host;
use crate::host::kafka::config::Config as Cluster;
use crate::provision::authority::{Authority, pem};
use crate::provision::docker::Container;
use defects::Defect;
use ground::{Ground, Server};
use left::Notes;
use rcgen::{KeyPair, PublicKeyData};
use relay::{Brake, Relay};
use service::Service;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::str::FromStr;
use tokio::runtime::Builder;
use tokio_postgres::{Config, NoTls};

/// Those who have a login; the database holds rows of another one too.
pub const TENANTS: [&str; 2] = ["acme", "globex"];
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
    gateway: Server,
    application: Relayed,
    _service: Service,
    _brokers: Host,
    cache: (Server, Relayed),
    database: (Server, Relayed),
    _ground: Ground,
    _notes: Notes,
}

/// A port, and the relay that listens there, if one does.
struct Relayed {
    port: u16,
    relay: Option<Relay>,
}

/// What a drill may do to a part of the platform.
pub struct Levers<'a> {
    /// Its container; the application has none.
    pub container: Option<&'a Container>,
    /// What stands before it; nothing stands before the gateway.
    pub brake: Option<&'a Brake>,
}

/// Configurations of all parts, with what was planted in them.
struct Planted<'a>(&'a [&'a Defect]);

impl Planted<'_> {
    fn of(&self, part: Part, sound: &str) -> String {
        let of_part = self.0.iter().filter(|defect| defect.part == part);
        of_part.fold(sound.to_owned(), |whole, defect| defect.planted(&whole))
    }
}

/// A directory that is written into.
struct Home<'a>(&'a Path);

impl Home<'_> {
    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
    }
}

/// The certificates of a platform: what it is known by, and by whom.
struct Papers {
    authority: String,
    certificate: String,
    key: String,
}

impl Demo {
    /// Starts it with defects, on loopback or in containers of an image, and writes the deployment, `deployment.toml`,
    /// into a directory that is made for it.
    ///
    /// # Errors
    /// Says which program is absent or did not start, and what could not be written. Nothing is left running.
    pub fn up(dir: &Path, defects: &[&Defect], image: Option<&str>) -> Result<Demo, String> {
        fs::create_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Demo::start(dir, defects, image).inspect_err(|_| {
            // It was made for this; what is in the way of removing it is in nobody else's.
            let _ = fs::remove_dir_all(dir);
        })
    }

    fn start(dir: &Path, defects: &[&Defect], image: Option<&str>) -> Result<Demo, String> {
        let (home, planted) = (Home(dir), Planted(defects));
        let notes = Notes::begin(dir)?;
        let papers = papers(&home)?;
        let ground = match image {
            Some(image) => Ground::docker(image, &left::owner(dir))?,
            None => Ground::Loopback,
        };
        let noted = |name: &str, server: &Server| server.process().map_or(Ok(()), |process| notes.add(name, &process));
        let (database, url) = ground.database()?;
        noted("postgres", &database)?;
        build(&url, &planted.of(Part::Database, SCHEMA))?;
        let mut as_role = role(&url)?;
        let port = as_role.get_ports().first().copied().unwrap_or(5432);
        let (cache, keys) = ground.cache(&planted.of(Part::Cache, CACHE))?;
        noted("redis-server", &cache)?;
        let file = dir.join("cluster.toml");
        let cluster = Cluster::parse(&file.to_string_lossy(), &planted.of(Part::Brokers, CLUSTER));
        let brokers = Host::start(cluster.map_err(|e| e.to_string())?)?;
        let [database, cache] = [(database, port), (cache, keys)].map(|(server, port)| relayed(&ground, server, port));
        let (database, cache) = (database?, cache?);
        if database.1.relay.is_some() {
            as_role = to_port(&as_role, database.1.port);
        }
        let service = Service::start(as_role, cache.1.port)?;
        let application = match ground {
            Ground::Loopback => Relayed { port: service.port, relay: None },
            Ground::Docker { .. } => Relayed::at(Relay::start(ground.machine(), service.port)?),
        };
        let issuer = KeyPair::generate().map_err(|e| e.to_string())?;
        home.write("issuer.key", &pem("PRIVATE KEY", &issuer.serialize_der()))?;
        let public = pem("PUBLIC KEY", &issuer.subject_public_key_info());
        let both = format!("{}{}", papers.certificate, papers.key);
        let (both, authority) = (both.as_str(), papers.authority.as_str());
        let files = [("both.pem", both), ("ca.pem", authority), ("issuer.pub", public.as_str())];
        let (gateway, edge) = ground.gateway(&planted.of(Part::Gateway, GATEWAY), &files, application.port)?;
        noted("haproxy", &gateway)?;
        let listener = brokers.port("SASL_SSL").ok_or("the brokers have no listener")?;
        let ports = Ports { gateway: edge, database: port, cache: keys, brokers: listener };
        home.write("deployment.toml", &deployment(&ports))?;
        let told = told(&ports, service.port);
        let (_service, _brokers, _ground, _notes) = (service, brokers, ground, notes);
        Ok(Demo { told, gateway, application, _service, _brokers, cache, database, _ground, _notes })
    }

    /// What may be done to the database.
    pub fn database(&self) -> Levers<'_> {
        Levers { container: self.database.0.container(), brake: self.database.1.brake() }
    }

    /// What may be done to the cache.
    pub fn cache(&self) -> Levers<'_> {
        Levers { container: self.cache.0.container(), brake: self.cache.1.brake() }
    }

    /// What may be done to the application.
    pub fn application(&self) -> Levers<'_> {
        Levers { container: None, brake: self.application.brake() }
    }

    /// What may be done to the gateway.
    pub fn gateway(&self) -> Levers<'_> {
        Levers { container: self.gateway.container(), brake: None }
    }
}

impl Relayed {
    fn at(relay: Relay) -> Relayed {
        Relayed { port: relay.port, relay: Some(relay) }
    }

    fn brake(&self) -> Option<&Brake> {
        self.relay.as_ref().map(|relay| &*relay.brake)
    }
}

/// A store, and where the application is to look for it: behind a relay, where drills are possible.
fn relayed(ground: &Ground, server: Server, port: u16) -> Result<(Server, Relayed), String> {
    let relayed = match ground {
        Ground::Loopback => Relayed { port, relay: None },
        Ground::Docker { .. } => Relayed::at(Relay::start(Ipv4Addr::LOCALHOST.into(), port)?),
    };
    Ok((server, relayed))
}

/// Where what listens, for somebody who wants to look.
fn told(ports: &Ports, application: u16) -> Vec<String> {
    let Ports { gateway, database, cache, brokers } = ports;
    vec![
        format!("database     postgres://{ROLE}@127.0.0.1:{database}/demo"),
        format!("cache        redis://127.0.0.1:{cache}"),
        format!("brokers      kafka://127.0.0.1:{brokers} (the reference model)"),
        format!("application  http://127.0.0.1:{application}/v1/query"),
        format!("gateway      https://127.0.0.1:{gateway}/v1/query"),
    ]
}

/// Writes certificates, keys and passwords.
fn papers(home: &Home<'_>) -> Result<Papers, String> {
    let ours = Authority::new("authority of the demonstration");
    home.write("ca.pem", &ours.pem())?;
    for name in ["acme", "globex", "auditor", "admin", "client"] {
        let (certificate, key) = ours.sign(name, &[]);
        home.write(&format!("{name}.pem"), &certificate)?;
        home.write(&format!("{name}.key"), &key)?;
        home.write(&format!("password-{name}"), &format!("{name}-{PASSWORD}"))?;
    }
    home.write("password-app", &format!("app-{PASSWORD}"))?;
    let (certificate, key) = ours.sign("demonstration", &["127.0.0.1", "localhost"]);
    home.write("broker.pem", &certificate)?;
    home.write("broker.key", &key)?;
    Ok(Papers { authority: ours.pem(), certificate, key })
}

/// The application's role at a server, by the URL of a superuser.
fn role(url: &str) -> Result<Config, String> {
    let mut config = Config::from_str(url).map_err(|e| e.to_string())?;
    config.dbname("demo").user(ROLE).password(format!("app-{PASSWORD}"));
    Ok(config)
}

/// The same role, by another way to the server.
fn to_port(config: &Config, port: u16) -> Config {
    let mut by = Config::new();
    by.host("127.0.0.1").port(port).dbname("demo").user(ROLE).password(config.get_password().unwrap_or_default());
    by
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
