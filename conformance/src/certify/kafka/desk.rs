//! Where probes of a cluster work: a session of each tenant, their names, what an operator knows, and what was found.

use super::estate::Estate;
use super::link::{Link, Login, Session};
use super::question::{Answer, NOBODYS, Question};
use crate::certify::deployment::{Deployment, Kafka, Tenant};
use crate::certify::report::{Component, Finding, Proof};
use crate::kafka::{Kind, REFERENCE};
use kafka_protocol::messages::MetadataRequest;

/// Where probes work.
pub struct Desk<'d> {
    /// How to connect.
    pub link: Link,
    /// The whole deployment.
    pub deployment: &'d Deployment,
    /// Its table.
    pub kafka: &'d Kafka,
    /// Who acts.
    pub a: &'d Tenant,
    /// Whose events it must not see.
    pub b: &'d Tenant,
    /// The one's session.
    pub own: Session,
    /// The other's.
    pub other: Session,
    /// What an operator is told, if there is one.
    pub estate: Option<Estate>,
    /// Whether the brokers take a write to what is not there: then asking for one would be one.
    is_lax: bool,
    /// What was found.
    pub component: Component,
}

/// Why a lax broker is asked for no write.
const LAX: &str = "the brokers take a write to a partition that no topic has, so that asking for one would be one";

/// What came of several questions about one thing.
#[derive(Default)]
pub struct Tried {
    /// What was allowed, with what the broker said.
    pub allowed: Vec<(Question, String)>,
    /// What nobody can tell.
    pub unclear: Vec<(Question, String)>,
}

impl<'d> Desk<'d> {
    /// Enters as both tenants, and as the operator.
    ///
    /// # Errors
    /// Says what is in the way.
    pub fn open(
        deployment: &'d Deployment,
        kafka: &'d Kafka,
        link: Link,
        mut component: Component,
    ) -> Result<Desk<'d>, String> {
        let (a, b) = deployment.tenants();
        let unreachable = |why: String| format!("failed to connect to {}: {why}", link.place());
        let enter = |tenant| link.enter(&Login::of_tenant(deployment, kafka, tenant)?).map_err(unreachable);
        let (own, other) = (enter(a)?, enter(b)?);
        let about = own.ask(&MetadataRequest::default().with_topics(Some(Vec::new())));
        let about = about.map_err(|wrong| unreachable(wrong.told()))?;
        let cluster = about.cluster_id.map(|id| id.to_string()).unwrap_or_default();
        component.server = format!("a Kafka cluster of {} brokers, {cluster}", about.brokers.len());
        if cluster == REFERENCE {
            component.server = format!("cellproof's own reference of {} brokers", about.brokers.len());
            component.notes.push("judged on the reference only: no real broker was asked".to_owned());
        }
        let mut is_lax = false;
        for (session, tenant) in [(&own, a), (&other, b)] {
            is_lax |= at_home(session, kafka, tenant)?;
        }
        component.tenancy.push(format!("topics of a tenant begin with {}", kafka.topics.get_ref()));
        let estate = match Login::of_operator(deployment, kafka)? {
            Some(login) => Some(Estate::read(link.enter(&login).map_err(unreachable)?)?),
            None => None,
        };
        Ok(Desk { link, deployment, kafka, a, b, own, other, estate, is_lax, component })
    }

    /// What names of a kind begin with, for a tenant.
    pub fn prefix(&self, kind: Kind, tenant: &Tenant) -> String {
        prefix(self.kafka, kind, tenant)
    }

    /// A topic of a tenant: one that it has, or one that nobody has.
    pub fn topic(&self, tenant: &Tenant) -> String {
        topic(self.kafka, tenant)
    }

    /// A group of a tenant, as [`Desk::topic`].
    pub fn group(&self, tenant: &Tenant) -> String {
        self.prefix(Kind::Group, tenant) + self.kafka.group.as_deref().unwrap_or(NOBODYS)
    }

    /// The principal that acts.
    pub fn principal(&self) -> &str {
        &self.own.login.principal
    }

    /// Tries questions as the tenant that acts.
    pub fn try_all(&mut self, questions: Vec<Question>) -> Tried {
        let mut tried = Tried::default();
        for question in questions {
            if self.is_lax && question.is_write() {
                tried.unclear.push((question, LAX.to_owned()));
                continue;
            }
            match question.ask(&self.own) {
                Answer::Denied => {}
                Answer::Allowed(said) => tried.allowed.push((question, said)),
                Answer::Unclear(why) => tried.unclear.push((question, why)),
            }
        }
        for (question, why) in &tried.unclear {
            let what = question.words();
            let what = format!("{} (EVT-01, TEN-02)", what.split(' ').next().unwrap_or_default());
            self.component.not_judged(what, why.clone());
        }
        tried
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
        let is_known = self.component.findings.iter().any(|f| f.object == object && f.what == what);
        if is_known || self.kafka.shared.iter().any(|s| s.object == object) {
            return;
        }
        let (object, requirements) = (object.to_owned(), requirements.to_vec());
        self.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }

    /// A proof as a tenant, as the operator, or as nobody.
    pub fn proof(&self, tenant: Option<&Tenant>, requests: &[String], saw: impl Into<String>) -> Proof {
        let connection = if tenant.is_some() { "reused" } else { "fresh" };
        Proof { tenant: tenant.map(|t| t.id.clone()), connection, statements: requests.to_vec(), saw: saw.into() }
    }
}

impl Tried {
    /// Verbs of what was allowed: "describes, reads and writes to".
    pub fn verbs(&self) -> String {
        let mut verbs: Vec<&str> = Vec::new();
        for (question, _) in &self.allowed {
            if !verbs.contains(&question.verb()) {
                verbs.push(question.verb());
            }
        }
        match verbs.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    }

    /// The requests, in words, each with what the broker said.
    pub fn words(&self) -> Vec<String> {
        self.allowed.iter().map(|(question, said)| format!("{}: {said}", question.words())).collect()
    }
}

/// What names of a kind begin with.
pub fn prefix(kafka: &Kafka, kind: Kind, tenant: &Tenant) -> String {
    let topics = kafka.topics.get_ref();
    let pattern = match kind {
        Kind::Topic | Kind::Cluster => topics,
        Kind::Group => kafka.groups.as_ref().unwrap_or(topics),
        Kind::TransactionalId => kafka.transactional_ids.as_ref().unwrap_or(topics),
    };
    tenant.fill(pattern)
}

/// A topic of a tenant.
pub fn topic(kafka: &Kafka, tenant: &Tenant) -> String {
    prefix(kafka, Kind::Topic, tenant) + kafka.sample.as_deref().unwrap_or(NOBODYS)
}

/// A tenant that may not even use what is its own shows nothing by not using what is another's. Whether a write to what
/// is not there was taken.
fn at_home(session: &Session, kafka: &Kafka, tenant: &Tenant) -> Result<bool, String> {
    let name = topic(kafka, tenant);
    let ask = |question: Question| match question.ask(session) {
        Answer::Unclear(why) => Err(format!("failed to use a topic of {}: {}: {why}", tenant.id, question.words())),
        answer => Ok(answer),
    };
    match ask(Question::Describe(name.clone()))? {
        Answer::Allowed(said) if kafka.sample.is_some() && said == "UNKNOWN_TOPIC_OR_PARTITION" => {
            Err(format!("{} has no topic {name}", tenant.id))
        }
        Answer::Allowed(_) => {
            let (read, written) = (ask(Question::Fetch(name.clone()))?, ask(Question::Produce(name.clone()))?);
            let neither = read == Answer::Denied && written == Answer::Denied;
            let told = || format!("{} may neither read nor write a topic of its own, {name}", tenant.id);
            if neither { Err(told()) } else { Ok(written == Answer::Allowed("NONE".to_owned())) }
        }
        _ => {
            let named = &session.login.principal;
            Err(format!("{} may not even see a topic of its own, {name}, as {named}", tenant.id))
        }
    }
}
