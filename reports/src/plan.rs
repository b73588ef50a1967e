//! The plan of a gate as a document: what evidence says was fixed before the first run.

use serde_json::{Value, json};
use sim::record::GateRecord;

/// What was planned before anything ran.
pub fn plan(record: &GateRecord) -> Value {
    let cells = record.scenarios.iter().map(|s| {
        let controls: Vec<&str> = s.ablations.iter().map(|a| a.control.as_str()).collect();
        json!({ "scenario": s.name, "requirements": s.requirements, "controls": controls })
    });
    json!({
        "version": 1,
        "seedBase": record.seed_base,
        "nonce": record.nonce,
        "seedsPerScenario": record.seeds.to_string(),
        "alpha": "0.05",
        "stopRule": "all planned seeds; an ablation stops at its first breach",
        "cells": cells.collect::<Vec<_>>(),
    })
}
