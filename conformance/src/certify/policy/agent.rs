//! An Open Policy Agent, asked over its REST API: `POST /v1/data/PACKAGE`. It answers 200 whatever it decides, and an
//! answer without a result is undefined, which denies. Where evaluating the policy fails it says so, and that is the
//! policy's answer; what it does not answer otherwise is no decision, and judges nothing.

use crate::certify::http::answer::{Answer, Outcome};
use crate::certify::http::request::{Protocol, Request};
use crate::certify::http::route::{Connection, Route};
use models::policy::subject::{Answers, Module};
use serde_json::{Value, json};
use std::time::SystemTime;
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// An agent.
pub struct Agent {
    route: Route,
    authority: String,
    base: String,
    runtime: Runtime,
    connection: Option<Connection>,
    /// Questions that were asked.
    pub asked: u64,
    /// Why it was asked no further.
    pub failure: Option<String>,
    /// How far its clock is ahead of ours, in nanoseconds, once it was asked for.
    ahead_ns: Option<i64>,
    /// Why its clock is taken to be ours.
    pub clockless: Option<String>,
}

/// Why there is no decision.
enum Trouble {
    /// Evaluating the policy fails on the question.
    Policy(String),
    /// The agent does not decide.
    Agent(String),
}

impl From<Trouble> for String {
    fn from(trouble: Trouble) -> String {
        match trouble {
            Trouble::Policy(why) | Trouble::Agent(why) => why,
        }
    }
}

impl Agent {
    /// Connects nowhere.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(url: &str) -> Result<Agent, String> {
        let url = Url::parse(url).map_err(|e| e.to_string())?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let authority = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        let (route, base) = (Route::plain(&url), url.path().trim_end_matches('/').to_owned());
        Ok(Agent {
            route,
            authority,
            base,
            runtime,
            connection: None,
            asked: 0,
            failure: None,
            ahead_ns: None,
            clockless: None,
        })
    }

    /// Where a package is asked.
    pub fn target(&self, package: &[String]) -> String {
        let segments = package.iter().map(|segment| {
            let encoded: String = url::form_urlencoded::byte_serialize(segment.as_bytes()).collect();
            format!("/{}", encoded.replace('+', "%20"))
        });
        format!("{}/v1/data{}", self.base, segments.collect::<String>())
    }

    /// The policies that it shows, if it does.
    ///
    /// # Errors
    /// What it said instead.
    pub fn modules(&mut self) -> Result<Vec<Module>, String> {
        let target = format!("{}/v1/policies", self.base);
        let value = self.read(&Request::get(&target, &self.authority))?;
        let module = |policy: &Value| {
            let text = |name: &str| policy[name].as_str().map(str::to_owned);
            Some(Module { file: text("id")?, text: text("raw")? })
        };
        let all = value["result"].as_array().ok_or("it lists no policies")?;
        all.iter().map(module).collect::<Option<_>>().ok_or_else(|| "it shows no text of its policies".to_owned())
    }

    /// A document of its data, if it has that.
    ///
    /// # Errors
    /// What it said instead.
    pub fn data(&mut self, name: &str) -> Result<Option<Value>, String> {
        let target = format!("{}/v1/data/{name}", self.base);
        Ok(self.read(&Request::get(&target, &self.authority))?.get("result").cloned())
    }

    /// What a package says to a question; `None` where it is undefined altogether.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn decide(&mut self, package: &[String], question: &Value) -> Result<Option<Value>, String> {
        Ok(self.decided(package, question)?)
    }

    fn decided(&mut self, package: &[String], question: &Value) -> Result<Option<Value>, Trouble> {
        let target = self.target(package);
        Ok(self.post(&target, &json!({ "input": question }))?.get("result").cloned())
    }

    fn post(&mut self, target: &str, body: &Value) -> Result<Value, Trouble> {
        let body = body.to_string();
        let request = Request::get(target, &self.authority)
            .by("POST")
            .with("content-type: application/json")
            .with(&format!("content-length: {}", body.len()))
            .body(&body);
        self.read(&request)
    }

    /// How far its clock is ahead of ours.
    fn ahead(&mut self) -> Result<i64, String> {
        let target = format!("{}/v1/query", self.base);
        let before = now_ns();
        let said = self.post(&target, &json!({ "query": "now := time.now_ns()" }))?;
        let ours = before.midpoint(now_ns());
        let now = said.pointer("/result/0/now").and_then(Value::as_i64);
        now.map(|now| now - ours).ok_or_else(|| format!("POST {target}: it tells no time"))
    }

    fn read(&mut self, request: &Request) -> Result<Value, Trouble> {
        self.asked += 1;
        let what = request.shown(Protocol::One).swap_remove(0);
        let what = what.trim_end_matches(" HTTP/1.1");
        let answer = self.ask(request).map_err(|outcome| Trouble::Agent(format!("{what}: {}", outcome.words())))?;
        let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let failed = value.pointer("/errors/0").filter(|error| {
            error["code"].as_str().is_some_and(|code| code.starts_with("eval_") && answer.status == 500)
        });
        if let Some(error) = failed {
            return Err(Trouble::Policy(error["message"].as_str().unwrap_or("no message").to_owned()));
        }
        match answer.status {
            200 if value.is_object() => Ok(value),
            200 => Err(Trouble::Agent(format!("{what}: an answer that is no JSON object: it is no Open Policy Agent"))),
            status => {
                let why = value["message"].as_str().unwrap_or("no message");
                Err(Trouble::Agent(format!("{what}: status {status}: {why}")))
            }
        }
    }

    /// On the connection that is open, or on a fresh one where that was closed meanwhile.
    fn ask(&mut self, request: &Request) -> Result<Answer, Outcome> {
        let (route, kept) = (self.route.clone(), self.connection.take());
        let (outcome, connection) = self.runtime.block_on(async {
            if let Some(mut open) = kept {
                open.send(request).await;
                match open.answer().await {
                    Outcome::Closed(_) => {}
                    outcome => return (outcome, Some(open)),
                }
            }
            match route.connect().await {
                Err(outcome) => (outcome, None),
                Ok(mut fresh) => {
                    fresh.send(request).await;
                    (fresh.answer().await, Some(fresh))
                }
            }
        });
        match outcome {
            Outcome::Answer(answer) => {
                let ends = answer.header("connection").any(|v| v.eq_ignore_ascii_case("close"));
                self.connection = connection.filter(|_| !ends);
                Ok(answer)
            }
            other => Err(other),
        }
    }
}

impl Answers for Agent {
    fn ask(&mut self, package: &[String], rules: &[&str], question: &Value) -> Result<Vec<Option<Value>>, String> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        match self.decided(package, question) {
            Ok(said) => Ok(rules.iter().map(|rule| said.as_ref().and_then(|said| said.get(*rule)).cloned()).collect()),
            Err(Trouble::Policy(why)) => Err(why),
            Err(Trouble::Agent(why)) => {
                self.failure = Some(why.clone());
                Err(why)
            }
        }
    }

    fn now_ns(&mut self) -> u64 {
        let ahead = match self.ahead_ns {
            Some(ahead) => ahead,
            None => self.ahead().unwrap_or_else(|why| {
                self.clockless = Some(why);
                0
            }),
        };
        self.ahead_ns = Some(ahead);
        u64::try_from(now_ns() + ahead).unwrap_or_default()
    }
}

/// Our own clock, in nanoseconds since 1970.
fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
