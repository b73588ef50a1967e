//! Servers in containers: of an image that is on the machine, on a network of their own, labelled, and gone with the
//! value that holds them.
//!
//! What a drill does to a server is done from outside of it: by signals, by the freezer, by its network. Nothing is
//! pulled: an image that is absent is a reason in words, with the command that makes it.

use super::used;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, HostConfig, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptions, KillContainerOptions, ListContainersOptions, ListNetworksOptions, RemoveContainerOptions,
    UploadToContainerOptions,
};
use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Names the image, where nothing is said on the command line.
pub const IMAGE: &str = "CELLPROOF_IMAGE";
/// The image that `cargo xtask images` makes, when nothing else is said.
pub const IMAGE_USUAL: &str = "cellproof-demo";
/// The label of everything that is made here; its value says whose it is.
const LABEL: &str = "cellproof.demo";
/// Where the files of a container lie in it.
pub const HOME: &str = "/srv";
/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whoever listens says nothing for so long; a door without a server behind it is closed much sooner.
const SILENCE: Duration = Duration::from_millis(100);

/// An engine that answers.
#[derive(Debug)]
pub struct Engine {
    runtime: Runtime,
    docker: Docker,
}

/// A network, until it is dropped.
#[derive(Debug)]
pub struct Network {
    /// The machine's own address on it: what containers reach the machine by.
    pub gateway: IpAddr,
    engine: Arc<Engine>,
    name: String,
    owner: String,
}

/// What runs in a container.
#[derive(Debug)]
pub struct Spec<'a> {
    /// What it is called, after the name of the network.
    pub name: &'a str,
    /// The image.
    pub image: &'a str,
    /// The account that it runs as.
    pub user: &'a str,
    /// Program and arguments.
    pub command: &'a [&'a str],
    /// Where it listens. Below the ports that the system gives away: the engine takes one of these inside.
    pub inside: u16,
    /// Where it is on loopback of the machine.
    pub port: u16,
    /// Files that it finds in [`HOME`].
    pub files: &'a [(&'a str, &'a str)],
}

/// A container, until it is dropped.
#[derive(Debug)]
pub struct Container {
    engine: Arc<Engine>,
    network: String,
    name: String,
    port: u16,
}

fn told(what: &str) -> impl Fn(Error) -> String {
    move |why| format!("failed to {what}: {why}")
}

impl Engine {
    /// The engine of this machine.
    ///
    /// # Errors
    /// None answers.
    pub fn found() -> Result<Arc<Engine>, String> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let opened = runtime.block_on(async { Docker::connect_with_unix_defaults()?.negotiate_version().await });
        let docker = opened.map_err(|why| format!("no engine of Docker answers: {why}"))?;
        used("docker", &format!("an engine that speaks version {} of its protocol", docker.client_version()));
        Ok(Arc::new(Engine { runtime, docker }))
    }

    /// Whether an image is on the machine.
    ///
    /// # Errors
    /// It is not, or the engine does not say.
    pub fn has(&self, image: &str) -> Result<(), String> {
        match self.runtime.block_on(self.docker.inspect_image(image)) {
            Ok(_) => Ok(()),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                Err(format!("there is no image {image}: `cargo xtask images --name {image}` makes it"))
            }
            Err(why) => Err(format!("failed to look for the image {image}: {why}")),
        }
    }

    /// A new network of somebody's.
    ///
    /// # Errors
    /// The engine makes none.
    pub fn network(self: &Arc<Engine>, name: &str, owner: &str) -> Result<Network, String> {
        let labels = Some(HashMap::from([(LABEL.to_owned(), owner.to_owned())]));
        let wanted = NetworkCreateRequest { name: name.to_owned(), labels, ..Default::default() };
        let made = async {
            self.docker.create_network(wanted).await?;
            self.docker.inspect_network(name, None).await
        };
        let made = self.runtime.block_on(made).map_err(told("make a network"))?;
        // From here on it is removed with the value.
        let gateway = IpAddr::from([0, 0, 0, 0]);
        let (engine, name, owner) = (self.clone(), name.to_owned(), owner.to_owned());
        let mut network = Network { gateway, engine, name, owner };
        let configs = made.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let gateway = configs.into_iter().find_map(|config| config.gateway?.parse().ok());
        network.gateway = gateway.ok_or("the engine gave a network no address of the machine")?;
        Ok(network)
    }

    /// Removes every container and network of an owner, or of all of them, and names them.
    ///
    /// # Errors
    /// The engine does not remove one of them.
    pub fn remove(&self, owner: Option<&str>) -> Result<Vec<String>, String> {
        let label = owner.map_or_else(|| LABEL.to_owned(), |owner| format!("{LABEL}={owner}"));
        let filters = Some(HashMap::from([("label".to_owned(), vec![label])]));
        let all = ListContainersOptions { all: true, filters: filters.clone(), ..Default::default() };
        let all = self.runtime.block_on(self.docker.list_containers(Some(all))).map_err(told("list containers"))?;
        let mut removed = Vec::new();
        for found in all {
            let Some(id) = found.id else { continue };
            self.remove_container(&id).map_err(told("remove a container"))?;
            let name = found.names.and_then(|names| names.into_iter().next()).unwrap_or(id);
            removed.push(name.trim_start_matches('/').to_owned());
        }
        let all = ListNetworksOptions { filters };
        let all = self.runtime.block_on(self.docker.list_networks(Some(all))).map_err(told("list networks"))?;
        for name in all.into_iter().filter_map(|found| found.name) {
            self.runtime.block_on(self.docker.remove_network(&name)).map_err(told("remove a network"))?;
            removed.push(name);
        }
        Ok(removed)
    }

    fn remove_container(&self, id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptions { v: true, force: true, ..Default::default() };
        self.runtime.block_on(self.docker.remove_container(id, Some(options)))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Nobody is left to tell; `demo down` removes it by its label.
        let _ = self.engine.runtime.block_on(self.engine.docker.remove_network(&self.name));
    }
}

impl Network {
    /// Starts a container on it, and waits until it listens.
    ///
    /// # Errors
    /// It did not start, or does not listen; with the end of what it said.
    pub fn start(&self, spec: &Spec<'_>) -> Result<Container, String> {
        let name = format!("{}-{}", self.name, spec.name);
        let inside = format!("{}/tcp", spec.inside);
        let door = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(spec.port.to_string()) };
        let host = HostConfig {
            network_mode: Some(self.name.clone()),
            port_bindings: Some(HashMap::from([(inside.clone(), Some(vec![door]))])),
            ..Default::default()
        };
        let body = ContainerCreateBody {
            image: Some(spec.image.to_owned()),
            user: Some(spec.user.to_owned()),
            cmd: Some(spec.command.iter().map(|word| (*word).to_owned()).collect()),
            exposed_ports: Some(vec![inside]),
            labels: Some(HashMap::from([(LABEL.to_owned(), self.owner.clone())])),
            host_config: Some(host),
            ..Default::default()
        };
        let engine = &self.engine;
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        let made = engine.runtime.block_on(engine.docker.create_container(Some(options), body));
        made.map_err(told(&format!("make a container for the {}", spec.name)))?;
        let container = Container { engine: engine.clone(), network: self.name.clone(), name, port: spec.port };
        container.put(spec.files)?;
        container.start()?;
        match container.hears(PATIENCE) {
            true => Ok(container),
            false => Err(format!("the {} does not listen in its container", spec.name)),
        }
    }
}

impl Container {
    /// Writes files into it.
    fn put(&self, files: &[(&str, &str)]) -> Result<(), String> {
        let mut packed = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            packed.append_data(&mut header, name, text.as_bytes()).map_err(|e| e.to_string())?;
        }
        let packed = packed.into_inner().map_err(|e| e.to_string())?;
        let options = UploadToContainerOptions { path: HOME.to_owned(), ..Default::default() };
        let sent = self.engine.docker.upload_to_container(&self.name, Some(options), bollard::body_full(packed.into()));
        self.engine.runtime.block_on(sent).map_err(told("write into a container"))
    }

    /// Starts it, or starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self) -> Result<(), String> {
        self.engine.runtime.block_on(self.engine.docker.start_container(&self.name, None)).map_err(told("start"))
    }

    /// Takes its power away: nothing in it is told.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&self) -> Result<(), String> {
        let options = KillContainerOptions { signal: "SIGKILL".to_owned() };
        self.engine.runtime.block_on(self.engine.docker.kill_container(&self.name, Some(options))).map_err(told("kill"))
    }

    /// Freezes it: it is there, and answers nobody.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<(), String> {
        self.engine.runtime.block_on(self.engine.docker.pause_container(&self.name)).map_err(told("pause"))
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// It is not paused.
    pub fn unpause(&self) -> Result<(), String> {
        self.engine.runtime.block_on(self.engine.docker.unpause_container(&self.name)).map_err(told("go on"))
    }

    /// Takes its network away.
    ///
    /// # Errors
    /// It has none.
    pub fn cut(&self) -> Result<(), String> {
        let wanted = NetworkDisconnectRequest { container: self.name.clone(), force: Some(true) };
        let docker = &self.engine.docker;
        self.engine.runtime.block_on(docker.disconnect_network(&self.network, wanted)).map_err(told("cut off"))
    }

    /// Gives it its network back.
    ///
    /// # Errors
    /// It has one.
    pub fn join(&self) -> Result<(), String> {
        let wanted = NetworkConnectRequest { container: self.name.clone(), ..Default::default() };
        let docker = &self.engine.docker;
        self.engine.runtime.block_on(docker.connect_network(&self.network, wanted)).map_err(told("connect"))
    }

    /// Whether somebody listens in it before patience ends. The engine's own door is open before and after: behind it
    /// is somebody when it stays open, because none of these servers speaks first.
    pub fn hears(&self, patience: Duration) -> bool {
        let is_there = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            stream.set_read_timeout(Some(SILENCE)).ok()?;
            let quiet = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
            stream.read(&mut [0]).is_err_and(|e| quiet.contains(&e.kind())).then_some(())
        };
        let until = Instant::now() + patience;
        while is_there().is_none() {
            if Instant::now() > until {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // As for networks.
        let _ = self.engine.remove_container(&self.name);
    }
}
