//! A run that was named on the command line: by a token, by a file that holds one, or by a `.replay` file.
//!
//! Whoever runs it again first checks that it is the same run: configuration, catalogue, code and result are pinned,
//! and what differs is said.

use crate::args::Files;
use crate::engine;
use crate::exit::{Exit, Refusal, usage};
use crate::input;
use models::config::Inputs;
use scenarios::catalogue;
use scenarios::code;
use scenarios::prove::{self, Engine, Finished, Order};
use scenarios::token::file::{EXTENSION, ReplayFile, Texts};
use scenarios::token::{Digests, Token};
use sim::planted::Defect;
use sim::record::Pass;
use std::fs;
use std::path::Path;

/// A run, and what it is made with.
pub struct Ticket {
    /// The run.
    pub token: Token,
    /// Platform and tenants.
    pub inputs: Inputs,
    /// The input that lies in the file, and was taken from there.
    pub texts: Option<Texts>,
    /// Input flags that have to be typed again with a token.
    pub flags: String,
    /// The `.replay` file that named it, as a shell takes it.
    pub file: Option<String>,
}

impl Ticket {
    /// Reads what was typed.
    ///
    /// # Errors
    /// It names no run.
    pub fn read(argument: &str, files: &Files) -> Result<Ticket, Refusal> {
        let is_file = Path::new(argument).extension().is_some_and(|end| end == EXTENSION);
        let (token, texts) = if is_file { of_file(argument)? } else { (of_text(argument)?, None) };
        // What is typed beside a file outweighs what lies in it.
        let typed = files.platform.is_some() || files.tenants.is_some();
        let texts = texts.filter(|_| !typed);
        let inputs = match &texts {
            Some(texts) => input::parsed((argument, &texts.platform), (argument, &texts.tenants))?,
            None => input::inputs(files)?,
        };
        Ok(Ticket {
            token,
            inputs,
            texts,
            flags: input::flags(files),
            file: is_file.then(|| format!("{}{}", input::quoted(argument), input::flags(files))),
        })
    }

    /// What a token made here would pin.
    fn now(&self) -> Digests {
        Digests::short(&self.inputs.digest(), &models::catalogue::digest(), &code::code(), "")
    }

    /// The engine that ran it.
    ///
    /// # Errors
    /// There is no such engine here.
    pub fn engine(&self) -> Result<&'static Engine, Refusal> {
        let name = &self.token.engine;
        engine::find(name).ok_or_else(|| usage(format!("token is of engine `{name}`, expected {}", engine::names())))
    }

    /// The order of the run.
    ///
    /// # Errors
    /// It is of an unknown scenario or control, or was made with other input than is here.
    pub fn order(&self) -> Result<Order, Refusal> {
        let token = &self.token;
        let scenario = catalogue::of_token(&token.scenario).map_err(usage)?;
        let off = input::controls(&token.ablations)?;
        let now = self.now();
        if token.digests.config != now.config {
            let message = format!(
                "the token was made with other input (config {}, here {}): give the same --platform and --tenants",
                token.digests.config, now.config
            );
            return Err(Refusal { exit: Exit::Inconclusive, message });
        }
        let plain = match token.pass {
            // What such a pass changes follows from the calm run of the same seed.
            Pass::Value | Pass::Presence => prove::disguised(&self.inputs, scenario, token.pass, token.seed),
            pass => Order::new(scenario, pass, token.seed),
        };
        Ok(Order { off, overrides: token.overrides.clone(), keep: true, ..plain })
    }

    /// Says so when the token was made by this build, with another defect planted or with none.
    fn other_defect(&self) -> Option<String> {
        let is_made_with = |defect: Option<&Defect>| {
            let digests = Digests::short("", "", &code::with(defect), "");
            digests.code == self.token.digests.code
        };
        let with = models::planted::ALL.iter().find(|defect| is_made_with(Some(defect)));
        let how = match with {
            Some(defect) => format!("with --planted {}: give the same", defect.name),
            None if is_made_with(None) => "without a planted defect: give none".into(),
            None => return None,
        };
        Some(format!("The token was made {how}. What follows is another run, and proves nothing about the token's."))
    }

    /// Whether this is the run that was named; `changed` says that it is another on purpose.
    pub fn sameness(&self, run: &Finished, changed: bool) -> Sameness {
        let (pinned, now) = (&self.token.digests, self.now());
        if (&pinned.code, &pinned.catalogue) != (&now.code, &now.catalogue) {
            if let Some(said) = self.other_defect() {
                return Sameness::OtherCode(said);
            }
            let differs = if pinned.code == now.code { "catalogue of requirements" } else { "code" };
            return Sameness::OtherCode(format!(
                "The token was made by other {differs}: what follows is this code's run, and proves nothing about \
                 the token's."
            ));
        }
        if changed {
            return Sameness::OnPurpose;
        }
        let result = run.record.digest.get(..pinned.result.len()).unwrap_or(&run.record.digest);
        if result == pinned.result {
            return Sameness::Same;
        }
        Sameness::OtherResult(format!(
            "The result differs (digest {}, here {result}): the run is nondeterministic, or the build is not the \
             token's.",
            pinned.result
        ))
    }
}

/// Whether a run is the one that was named.
pub enum Sameness {
    /// To the last fact.
    Same,
    /// One more control is off: another run, as asked.
    OnPurpose,
    /// Other code or another catalogue, in words.
    OtherCode(String),
    /// Another result, in words.
    OtherResult(String),
}

impl Sameness {
    /// What is wrong with it, if something is.
    pub fn wrong(&self) -> Option<&str> {
        match self {
            Sameness::Same | Sameness::OnPurpose => None,
            Sameness::OtherCode(said) | Sameness::OtherResult(said) => Some(said),
        }
    }
}

/// A token as typed, or the first one in a file.
fn of_text(argument: &str) -> Result<Token, Refusal> {
    let inside = match fs::read_to_string(argument) {
        Ok(text) => text
            .split(|c: char| c.is_whitespace() || c == '"')
            .find(|word| word.starts_with("cp1.") && word.len() > 4)
            .map(str::to_owned)
            .ok_or_else(|| usage(format!("{argument} holds no token, expected `cp1.<scenario>.<pass>.…`")))?,
        Err(_) if argument.contains(['/', '\\']) => {
            return Err(usage(format!("failed to read {argument}: neither a token nor a readable file")));
        }
        Err(_) => argument.to_owned(),
    };
    Token::parse(&inside).map_err(usage)
}

/// What a `.replay` file holds.
fn of_file(name: &str) -> Result<(Token, Option<Texts>), Refusal> {
    let text = input::read(Path::new(name))?;
    let wrong = |why: String| usage(format!("{name}: {why}"));
    let file = ReplayFile::parse(&text).map_err(wrong)?;
    Ok((file.token().map_err(wrong)?, file.inputs))
}
