//! `summary.md`: what a CI step or a pull request shows: the verdict, what failed and how to see it again, the tables.
//!
//! A step summary above 1 MiB is thrown away whole, so the writer has a budget. What does not fit is counted and named,
//! and the most important comes first.

use crate::matrix::{self, as_declared};
use crate::slo;
use crate::text::{clip, count, plural, replay_command};
use crate::verdict::{self, Standing, Tone};
use sim::record::{GateRecord, Pass, ScenarioRecord, ScenarioVerdict, SloRecord, SloVerdict};

/// What a step summary may hold, in bytes.
const BUDGET: usize = 1 << 20;
/// Kept free for headings and for saying what was left out.
const RESERVE: usize = 4_096;
/// Longest sentence of a table cell, in characters.
const CELL_MAX: usize = 300;

/// The summary, within what a CI step may show.
pub fn render(record: &GateRecord) -> String {
    within(record, BUDGET)
}

/// The summary in at most `max` bytes (but no less than its headings take).
pub fn within(record: &GateRecord, max: usize) -> String {
    let mut page = Page { out: String::new(), max: max.saturating_sub(RESERVE) };
    head(&mut page, record);
    failures(&mut page, record);
    scenarios(&mut page, record);
    ablations(&mut page, record);
    objectives(&mut page, record);
    coverage(&mut page, record);
    provenance(&mut page, record);
    page.out
}

/// Text that knows how much room is left.
struct Page {
    out: String,
    max: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Whole rows as long as there is room; then how many were left out.
    fn rows(&mut self, rows: &[String]) {
        let fitting = rows.iter().scan(self.out.len(), |len, row| {
            *len += row.len() + 1;
            (*len <= self.max).then_some(row)
        });
        let taken = fitting.count();
        rows[..taken].iter().for_each(|row| self.line(row));
        if taken < rows.len() {
            let left = count((rows.len() - taken) as u64);
            self.line(&format!("\n*{left} more left out to stay within the size of a summary: see `report.html`.*"));
        }
    }

    fn heading(&mut self, title: &str) {
        self.line(&format!("\n### {title}\n"));
    }

    fn table(&mut self, header: &str, align: &str, rows: &[String]) {
        if rows.is_empty() {
            return;
        }
        self.line(header);
        self.line(align);
        self.rows(rows);
    }

    /// A table that opens when asked for: what went as it should is there, and not in the way.
    fn folded(&mut self, summary: &str, header: &str, align: &str, rows: &[String]) {
        if rows.is_empty() {
            return;
        }
        self.line(&format!("\n<details><summary>{summary}</summary>\n"));
        self.table(header, align, rows);
        self.line("\n</details>");
    }
}

fn head(page: &mut Page, record: &GateRecord) {
    let headline = verdict::headline(record);
    let t = matrix::totals(record);
    page.line(&format!("## cellproof: {}\n", headline.word.to_lowercase()));
    page.line(&format!("**{}** {}\n", headline.word, escape(&headline.sentence)));
    page.line(&format!("> {}", verdict::bound_sentence(record)));
    if let Some(scope) = verdict::bound_scope(record) {
        page.line(&format!("> {scope}"));
    }
    page.line(&format!(
        "\nRequirements proved {} of {} judged ({} in the catalogue) · ablations as declared {}/{} · \
         pairs alike {}/{} · {} runs · {} honest requests",
        t.proved,
        t.judged,
        t.catalogue,
        t.ablations_declared,
        t.ablations,
        t.pairs_alike,
        t.pairs,
        count(t.runs),
        count(t.requests)
    ));
}

fn failures(page: &mut Page, record: &GateRecord) {
    let failed = |s: &&ScenarioRecord| !matches!(Standing::of(s), Standing::Held | Standing::CanaryFailed);
    let rows: Vec<String> = record.scenarios.iter().filter(failed).map(failure).collect();
    if rows.is_empty() {
        return;
    }
    page.heading("What needs attention");
    page.rows(&rows);
}

fn failure(s: &ScenarioRecord) -> String {
    let mut out = format!("- **{}** {}", Standing::of(s).word(), code(&s.name));
    if let ScenarioVerdict::Skipped(why) = &s.verdict {
        out += &format!(": {}", prose(&clip(why, CELL_MAX)));
    }
    for why in &s.why {
        out += &format!("\n  - {}", prose(&clip(why, CELL_MAX)));
    }
    if let Some(line) = &s.replay {
        let fence = fence_for(line);
        out += &format!("\n\n  {fence}\n  {}\n  {fence}\n", replay_command(line));
    }
    out
}

fn scenarios(page: &mut Page, record: &GateRecord) {
    let rows: Vec<String> = record.scenarios.iter().map(scenario_row).collect();
    page.heading("Scenarios");
    page.table(
        "| | scenario | verdict | seeds | breaches | ablations as declared | pairs alike | honest requests |",
        "|---|---|---|--:|--:|--:|--:|--:|",
        &rows,
    );
}

fn scenario_row(s: &ScenarioRecord) -> String {
    let standing = Standing::of(s);
    let (declared, ablations) = matrix::declared(s);
    let (alike, pairs) = matrix::alike(s);
    let breaches: u64 = s.passes.iter().map(|p| p.breaches).sum();
    format!(
        "| {} | {} | {} | {} | {} | {declared}/{ablations} | {alike}/{pairs} | {} |",
        symbol(standing.tone()),
        code(&s.name),
        if standing == Standing::Held { standing.word().to_string() } else { format!("**{}**", standing.word()) },
        count(matrix::runs(s, Pass::Swarm)),
        count(breaches),
        count(matrix::requests(s)),
    )
}

fn ablations(page: &mut Page, record: &GateRecord) {
    let mut rows = Vec::new();
    for row in matrix::controls(record) {
        for (s, cell) in record.scenarios.iter().zip(&row.cells) {
            for a in cell {
                let observed = match &a.partner {
                    Some(p) => format!("{} with {}", a.observed, code(p)),
                    None => a.observed.to_string(),
                };
                let said = if as_declared(a) { observed } else { format!("**{observed}** (declared {})", a.expected) };
                let seeds = a.seeds_to_breach.map_or(String::new(), |n| n.to_string());
                let variant = escape(&a.variant);
                let line = format!("| {} | {} | {variant} | {said} | {seeds} |", code(row.id), code(&s.name));
                rows.push((as_declared(a), line));
            }
        }
    }
    let (good, odd): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(declared, _)| *declared);
    let lines = |rows: Vec<(bool, String)>| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
    let header = "| control off | scenario | variant | what happened | seeds to breach |";
    let align = "|---|---|---|---|--:|";
    page.heading("Ablations");
    let (declared, all) = (good.len() as u64, (good.len() + odd.len()) as u64);
    page.line(&format!("{} of {} came out as declared.\n", count(declared), plural(all, "ablation")));
    page.table(header, align, &lines(odd));
    page.folded(&format!("{} as declared", plural(declared, "ablation")), header, align, &lines(good));
}

fn objectives(page: &mut Page, record: &GateRecord) {
    let conditions = slo::conditions(record);
    if conditions.iter().all(|c| c.rows.is_empty()) {
        return;
    }
    let summary = |c: &slo::Condition<'_>| {
        let n = |v| c.count(v);
        let [met, missed, open, none] =
            [SloVerdict::Met, SloVerdict::Missed, SloVerdict::Inconclusive, SloVerdict::NoData].map(n);
        format!("| {} | {met} | {missed} | {open} | {none} |", escape(c.name))
    };
    page.heading("Objectives");
    let header = "| condition | MET | MISSED | INCONCLUSIVE | NO_DATA |";
    page.table(header, "|---|--:|--:|--:|--:|", &conditions.iter().map(summary).collect::<Vec<_>>());
    let judged = |c: &slo::Condition<'_>, met: bool| {
        let all = c.rows.iter().flat_map(|(_, cells)| cells).flatten().filter(|s| s.verdict != SloVerdict::NoData);
        all.filter(|s| (s.verdict == SloVerdict::Met) == met).map(|s| objective_row(s)).collect::<Vec<_>>()
    };
    let header = "| condition | tenant | cell | objective | verdict | estimate (95 % interval) | over | budget spent |";
    let align = "|---|---|---|---|---|--:|---|--:|";
    let other = |c: &slo::Condition<'_>| {
        let silent = slo::silent(c);
        judged(c, false).into_iter().chain(silent.iter().map(silent_row)).collect::<Vec<_>>()
    };
    let met: Vec<String> = conditions.iter().flat_map(|c| judged(c, true)).collect();
    page.line("");
    page.table(header, align, &conditions.iter().flat_map(other).collect::<Vec<_>>());
    page.folded(&format!("{} met", plural(met.len() as u64, "objective")), header, align, &met);
    for assumption in record.plan.iter().flat_map(|plan| &plan.assumptions) {
        page.line(&format!("> {}", escape(assumption)));
    }
}

fn objective_row(s: &SloRecord) -> String {
    let verdict = if s.verdict == SloVerdict::Met { "MET".to_string() } else { format!("**{}**", s.verdict) };
    let estimate = slo::interval(s).map_or(String::new(), |i| format!("{} ({i})", slo::value(s, s.estimate)));
    format!(
        "| {} | {} | {} | {} | {verdict} | {estimate} | {} | {} |",
        escape(&s.condition),
        code(&s.tenant),
        code(&s.cell),
        escape(&s.objective),
        slo::rests_on(s),
        slo::budget(s)
    )
}

/// Where nothing was measured there is nothing to tell apart but the tenants.
fn silent_row((s, tenants): &(&SloRecord, Vec<&str>)) -> String {
    let tenants: Vec<String> = tenants.iter().map(|tenant| code(tenant)).collect();
    let (condition, objective) = (escape(&s.condition), escape(&s.objective));
    format!("| {condition} | {} | | {objective} | **NO_DATA** | | {} | |", tenants.join(", "), slo::rests_on(s))
}

fn coverage(page: &mut Page, record: &GateRecord) {
    let missing = matrix::not_covered(record);
    page.heading(&format!("Not covered ({} of {})", missing.len(), record.requirements.len()));
    if missing.is_empty() {
        return page.line("Every row of the catalogue is judged by a scenario.");
    }
    let text = |id: &str| record.requirements.iter().find(|r| r.id == id).map_or("", |r| r.text.as_str());
    let row = |id: &&str| format!("- {} {}", code(id), prose(&clip(text(id), 120)));
    page.rows(&missing.iter().map(row).collect::<Vec<_>>());
}

fn provenance(page: &mut Page, record: &GateRecord) {
    page.heading("What ran");
    page.line(&format!("- {}: {}", escape(&record.tool), code(&record.command)));
    page.line(&format!("- seeds: {} a scenario, from {}", count(record.seeds), code(&record.seed_base)));
    if let Some(plan) = &record.plan {
        page.line(&format!(
            "- fixed beforehand: {} calm and {} swarm seeds a scenario from {} on, α = {}, no objective judged on \
             fewer than {}. {}",
            count(plan.calm_seeds),
            count(plan.swarm_seeds),
            code(&plan.seed_first),
            plan.alpha,
            plural(plan.events_min, "event"),
            escape(&plan.stop_rule)
        ));
    }
    page.line(&format!("- code {}", code(&record.code)));
    page.line(&format!("- configuration {}", code(&record.config)));
    page.line(&format!("- catalogue {}", code(&record.catalogue)));
}

fn symbol(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Bad => "✗",
        Tone::Open => "?",
        Tone::Quiet => "–",
        Tone::Canary => "◇",
    }
}

/// Text that Markdown shows as it stands. Angle brackets and `@` become entities: no tag, and nobody is mentioned.
fn escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 8);
    for c in s.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A sentence in which a `quoted` word is a code span. An odd backtick is escaped like any other character.
fn prose(s: &str) -> String {
    let parts: Vec<&str> = s.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(s);
    }
    parts.iter().enumerate().map(|(i, part)| if i % 2 == 1 { code(part) } else { escape(part) }).collect()
}

/// A code span. A table splits at a bare `|` even inside one, so it is escaped; backticks get a longer fence.
fn code(s: &str) -> String {
    let s = s.replace('|', "\\|");
    if s.is_empty() {
        return String::new();
    }
    if s.contains('`') {
        let fence = "`".repeat(longest_run(&s) + 1);
        return format!("{fence} {s} {fence}");
    }
    format!("`{s}`")
}

fn fence_for(s: &str) -> String {
    "`".repeat((longest_run(s) + 1).max(3))
}

/// The longest run of backticks.
fn longest_run(s: &str) -> usize {
    s.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_words_stay_words() {
        assert_eq!(escape("a|b <img> @ops [x](y)"), "a\\|b &lt;img&gt; &#64;ops \\[x\\](y)");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("``x"), "``` ``x ```");
    }

    #[test]
    fn a_summary_that_does_not_fit_says_what_it_left_out() {
        let record = crate::sample::record();
        let full = within(&record, BUDGET);
        assert!(!full.contains("left out"));
        let short = within(&record, full.len() / 2 + RESERVE);
        assert!(short.len() < full.len() / 2 + RESERVE, "{}", short.len());
        assert!(short.contains("more left out"), "{short}");
        assert!(short.contains("## cellproof: broken") && short.contains("### Not covered"));
    }

    #[test]
    fn a_huge_record_stays_within_the_budget_of_a_step_summary() {
        let mut record = crate::sample::record();
        let scenario = record.scenarios[0].clone();
        record.scenarios.extend((0..600).map(|i| {
            let mut s = scenario.clone();
            s.name = format!("{}-{i}", s.name);
            s.threat = "x".repeat(5_000);
            s
        }));
        let slo = record.slos[0].clone();
        record.slos.extend((0..20_000).map(|i| {
            let mut s = slo.clone();
            s.tenant = format!("tenant-{i}");
            s
        }));
        assert!(render(&record).len() <= BUDGET);
    }
}
