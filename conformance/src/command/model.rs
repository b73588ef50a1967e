//! `cellproof model`: asks a reference model, one case a line, from any language.
//!
//! A malformed line is answered in its place with an error object and does not stop the others; it shows in the exit
//! code at the end.

mod jwt;
mod table;

use crate::args::Model;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::{columns, say};
use scenarios::catalogue::{nearest, unknown};
use serde_json::json;
use std::io::{self, BufRead, BufWriter, Write};
use table::{Entry, MODELS};

/// Asks, lists, or shows a schema.
pub fn model(args: &Model) -> Done {
    if args.list {
        let rows: Vec<Vec<String>> = MODELS.iter().map(|m| vec![m.name.into(), m.about.into()]).collect();
        say(&columns(&rows, &[]).into_iter().map(|line| line + "\n").collect::<String>());
        return Ok(Exit::Held);
    }
    if let Some(name) = &args.schema {
        say(find(name)?.schema);
        return Ok(Exit::Held);
    }
    let Some(name) = &args.name else { return Err(usage("name a model (cellproof model --list)")) };
    answer(find(name)?, io::stdin().lock(), io::stdout().lock())
}

fn find(name: &str) -> Result<&'static Entry, Refusal> {
    MODELS.iter().find(|m| m.name == name).ok_or_else(|| {
        usage(unknown("model", name, nearest(name, MODELS.iter().map(|m| m.name)), "cellproof model --list"))
    })
}

/// Answers every line of `input`; blank lines have no answer.
fn answer(model: &Entry, mut input: impl BufRead, output: impl Write) -> Done {
    let mut output = BufWriter::new(output);
    let mut malformed = 0;
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|e| usage(format!("failed to read the cases: {e}")))? == 0 {
            break;
        }
        number += 1;
        let text = std::str::from_utf8(&line).map_err(|e| format!("not UTF-8: {e}"));
        if text.as_ref().is_ok_and(|t| t.trim().is_empty()) {
            continue;
        }
        let answer = text.and_then(|text| (model.answer)(text.trim())).unwrap_or_else(|error| {
            malformed += 1;
            json!({"error": error, "line": number}).to_string()
        });
        if writeln!(output, "{answer}").is_err() {
            // Whoever reads the answers has seen enough.
            return Ok(Exit::Held);
        }
    }
    let _ = output.flush();
    match malformed {
        0 => Ok(Exit::Held),
        n => Err(usage(format!("{n} of {number} lines could not be answered"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(model: &str, lines: &str) -> (Vec<String>, u8) {
        let mut out = Vec::new();
        let exit = answer(find(model).expect("a model"), lines.as_bytes(), &mut out);
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        (text.lines().map(String::from).collect(), exit.unwrap_or_else(|refusal| refusal.exit).code())
    }

    #[test]
    fn a_malformed_line_is_answered_in_its_place_and_shows_in_the_exit_code() {
        let good = r#"{"rate":{"per_second":1,"burst":1},"at_ns":[0]}"#;
        let (answers, exit) = ask("rate-limit", &format!("{good}\nnonsense\n\n{good}"));
        assert_eq!(answers.len(), 3);
        assert_eq!(answers[0], answers[2]);
        assert!(answers[1].starts_with(r#"{"error":"#) && answers[1].ends_with(r#","line":2}"#), "{}", answers[1]);
        assert_eq!(exit, 2);
        assert_eq!(ask("rate-limit", good), (vec![answers[0].clone()], 0));
        assert_eq!(ask("rate-limit", ""), (vec![], 0));
    }

    #[test]
    fn every_schema_is_json_and_every_example_in_it_is_answered() {
        for model in MODELS {
            let schema: serde_json::Value = serde_json::from_str(model.schema).expect(model.name);
            let examples = schema["examples"].as_array().expect("examples");
            assert!(!examples.is_empty(), "{}", model.name);
            for example in examples {
                let answered = (model.answer)(&example.to_string());
                assert!(answered.is_ok(), "{}: {answered:?}", model.name);
            }
        }
    }

    #[test]
    fn a_misspelt_model_finds_its_neighbour() {
        let refused = find("brekar").err().expect("no such model").message;
        assert_eq!(refused, "unknown model \"brekar\", did you mean \"breaker\"? (cellproof model --list)");
    }
}
