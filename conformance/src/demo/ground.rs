//! Where the servers of a demonstration run: as processes on loopback, or in containers of one image on a network of
//! their own. The configurations are the same, but for the address that a server listens at.

use crate::provision::docker::{Container, Engine, HOME, Network, Spec};
use crate::provision::{Process, free_port, haproxy, postgres, redis};
use std::net::{IpAddr, Ipv4Addr};
use std::process;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio_postgres::{Config, NoTls};

/// Where servers run.
#[derive(Debug)]
pub enum Ground {
    /// As processes of this machine.
    Loopback,
    /// In containers.
    Docker {
        /// Their network.
        network: Network,
        /// What they are made of.
        image: String,
    },
}

/// A server, until it is dropped.
#[derive(Debug)]
pub enum Server {
    /// PostgreSQL.
    Database(postgres::Server),
    /// Redis.
    Cache(redis::Server),
    /// HAProxy.
    Gateway(haproxy::Server),
    /// Any of them.
    Contained(Container),
}

/// How long PostgreSQL may refuse clients after it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the database's container does. A container that is started again has its data.
const DATABASE: &str = "set -e
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/demo
if [ ! -s $data/PG_VERSION ]; then
    $bin/initdb -U super -E UTF8 --locale=C --no-sync --no-instructions --auth-local=trust \
        --auth-host=scram-sha-256 --pwfile=/srv/password -D $data
    echo 'host all all all scram-sha-256' >> $data/pg_hba.conf
fi
exec $bin/postgres -D $data -c listen_addresses='*' -c port=$0 -c unix_socket_directories=/tmp -c fsync=off \
    -c wal_level=logical -c max_connections=100 -c shared_buffers=32MB -c autovacuum=off";

impl Ground {
    /// Containers of an image, with a network; all of it is labelled with its owner.
    ///
    /// # Errors
    /// No engine answers, or it has no such image.
    pub fn docker(image: &str, owner: &str) -> Result<Ground, String> {
        let engine = Engine::found()?;
        engine.has(image)?;
        let network = engine.network(&format!("cellproof-{}", process::id()), owner)?;
        Ok(Ground::Docker { network, image: image.to_owned() })
    }

    /// The address of the machine by which a server here reaches the application.
    pub fn machine(&self) -> IpAddr {
        match self {
            Ground::Loopback => Ipv4Addr::LOCALHOST.into(),
            Ground::Docker { network, .. } => network.gateway,
        }
    }

    /// A PostgreSQL, and the URL of its superuser.
    ///
    /// # Errors
    /// Says what is absent, or what did not start.
    pub fn database(&self) -> Result<(Server, String), String> {
        let Ground::Docker { network, image } = self else {
            let server = postgres::server()?;
            let url = server.url.clone();
            return Ok((Server::Database(server), url));
        };
        let port = free_port().map_err(|e| e.to_string())?;
        let (user, password) = (postgres::SUPERUSER, postgres::PASSWORD);
        let inside = 5432;
        let command = ["sh", "-c", DATABASE, &inside.to_string()];
        let files = [("password", password)];
        let spec = Spec { name: "database", image, user: "postgres", command: &command, inside, port, files: &files };
        let server = network.start(&spec)?;
        let url = format!("postgres://{user}:{password}@127.0.0.1:{port}/postgres");
        lets_in(&url)?;
        Ok((Server::Contained(server), url))
    }

    /// A Redis with lines of configuration, and its port.
    ///
    /// # Errors
    /// As [`Ground::database`].
    pub fn cache(&self, configuration: &str) -> Result<(Server, u16), String> {
        let Ground::Docker { network, image } = self else {
            let server = redis::server(configuration, &[])?;
            let port = server.port;
            return Ok((Server::Cache(server), port));
        };
        let port = free_port().map_err(|e| e.to_string())?;
        let inside = 6379;
        // Protected mode would keep everybody out who does not sit beside it.
        let own = format!("bind 0.0.0.0\nprotected-mode no\nport {inside}\ndir /tmp\nsave \"\"\nappendonly no\n");
        let whole = own + configuration;
        let command = ["redis-server", &format!("{HOME}/redis.conf")];
        let files = [("redis.conf", whole.as_str())];
        let spec = Spec { name: "cache", image, user: "redis", command: &command, inside, port, files: &files };
        Ok((Server::Contained(network.start(&spec)?), port))
    }

    /// An HAProxy with a configuration, in which `EDGE` is its port, `HOME` the directory with its files, and `BACKEND`
    /// the port of the application, which listens on loopback of the machine; and its port.
    ///
    /// # Errors
    /// As [`Ground::database`].
    pub fn gateway(
        &self,
        configuration: &str,
        files: &[(&str, &str)],
        application: u16,
    ) -> Result<(Server, u16), String> {
        let Ground::Docker { network, image } = self else {
            let server = haproxy::server(&configuration.replace("BACKEND", &application.to_string()), files)?;
            let port = server.port;
            return Ok((Server::Gateway(server), port));
        };
        let port = free_port().map_err(|e| e.to_string())?;
        let inside = 8443;
        let whole = configuration
            .replace("bind 127.0.0.1:EDGE", &format!("bind :{inside}"))
            .replace("127.0.0.1:BACKEND", &format!("{}:{application}", network.gateway))
            .replace("EDGE", &port.to_string())
            .replace("HOME", HOME);
        let command = ["haproxy", "-db", "-f", &format!("{HOME}/haproxy.cfg")];
        let files: Vec<_> = files.iter().copied().chain([("haproxy.cfg", whole.as_str())]).collect();
        let spec = Spec { name: "gateway", image, user: "haproxy", command: &command, inside, port, files: &files };
        Ok((Server::Contained(network.start(&spec)?), port))
    }
}

impl Server {
    /// What runs of it on this machine by itself.
    pub fn process(&self) -> Option<Process> {
        match self {
            Server::Database(server) => server.process(),
            Server::Cache(server) => Some(server.process()),
            Server::Gateway(server) => Some(server.process()),
            // The engine knows it by its label.
            Server::Contained(_) => None,
        }
    }

    /// Its container, if it runs in one.
    pub fn container(&self) -> Option<&Container> {
        match self {
            Server::Contained(container) => Some(container),
            _ => None,
        }
    }
}

/// Waits until a PostgreSQL that listens lets clients in.
fn lets_in(url: &str) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let config = Config::from_str(url).map_err(|e| e.to_string())?;
    let until = Instant::now() + PATIENCE;
    loop {
        match runtime.block_on(config.connect(NoTls)) {
            Ok(_) => return Ok(()),
            Err(why) if Instant::now() > until => return Err(format!("the database lets nobody in: {why}")),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
