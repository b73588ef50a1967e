//! The replay page in a real browser, by the real binary: what a reviewer presses and clicks, and what they then see.
//!
//! Where there is no Chromium a test says so and ends, unless the environment demands one.

use conformance::provision::chromium::Browser;
use conformance::provision::skip;
use reports::format::html::replay::render;
use reports::sample::{HOSTILE, replay};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A browser in a usual window, or none, which is said.
fn browser() -> Option<Browser> {
    match Browser::start() {
        Ok(mut browser) => {
            browser.resize(1_400, 1_000, false).expect("a window");
            Some(browser)
        }
        Err(why) => {
            skip("chromium", &why);
            None
        }
    }
}

/// An open page.
struct Page {
    browser: Browser,
    _dir: tempfile::TempDir,
    file: PathBuf,
}

impl Page {
    fn open(make: impl FnOnce(&Path)) -> Option<Page> {
        let mut browser = browser()?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("run.html");
        make(&file);
        browser.open(&file).expect("it opens");
        Some(Page { browser, _dir: dir, file })
    }

    /// A page of a run that the binary makes.
    fn of(arguments: &[&str]) -> Option<Page> {
        Page::open(|file| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
            let output = command.args(arguments).arg("--html").arg(file).output().expect("the binary starts");
            assert!(file.exists(), "{}", String::from_utf8_lossy(&output.stderr));
        })
    }

    fn read(&mut self, expression: &str) -> Value {
        self.browser.read(expression).expect("an expression")
    }

    fn text(&mut self, selector: &str) -> String {
        let text = self.read(&format!("document.querySelector({})?.textContent ?? ''", json!(selector)));
        text.as_str().expect("a text").to_owned()
    }

    /// Waits for what the page does only after an event of its own: a text that holds what is given.
    fn await_text(&mut self, selector: &str, part: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.text(selector).contains(part) {
            assert!(Instant::now() < until, "{selector} is {} and not {part}", self.text(selector));
            sleep(Duration::from_millis(10));
        }
    }

    fn press(&mut self, key: &str) {
        self.browser.press(key, false).expect("a key");
    }

    /// Chooses in a list, or types into a field, as their events say it.
    fn set(&mut self, id: &str, value: &str) {
        let script = format!(
            "(() => {{ const f = document.getElementById({}); f.value = {}; \
             for (const e of ['input', 'change']) f.dispatchEvent(new Event(e, {{bubbles: true}})); }})()",
            json!(id),
            json!(value)
        );
        self.read(&script);
    }

    /// Chooses what a list calls by this text.
    fn choose(&mut self, id: &str, text: &str) {
        let find = format!(
            "[...document.getElementById({}).options].find((o) => o.text === {}).value",
            json!(id),
            json!(text)
        );
        let value = self.read(&find);
        self.set(id, value.as_str().expect("an option"));
    }

    /// Which of the steps is shown, and of how many.
    fn step(&mut self) -> (u64, u64) {
        let text = self.text("#where");
        let numbers: Vec<u64> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        let [.., at, of] = numbers[..] else { panic!("{text}") };
        (at, of)
    }

    /// The browser has nothing to complain of, and has asked nobody for anything.
    fn ended_well(mut self) {
        assert_eq!(self.read("performance.getEntriesByType('resource').length"), 0, "something was fetched");
        assert!(self.browser.complaints.is_empty(), "{:?}", self.browser.complaints);
    }
}

const BLEED: &[&str] = &["run", "stride/disclosure-cache-bleed", "--ablate", "cache.key-encoding", "--seed", "1"];

#[test]
fn a_reviewer_steps_through_an_attack_by_keyboard() {
    let Some(mut page) = Page::of(BLEED) else { return };
    assert!(page.text("#now").contains("BROKEN CAC-01"), "it opens at the break: {}", page.text("#now"));
    assert!(page.text("#now").contains("cache.key-encoding at"), "and says which control was off, and where");
    let (opened, of) = page.step();
    page.press("ArrowLeft");
    assert_eq!(page.step(), (opened - 1, of));
    page.press("ArrowRight");
    page.press("ArrowRight");
    assert_eq!(page.step(), (opened + 1, of));
    page.press("Home");
    assert_eq!(page.step(), (1, of));
    page.press("b");
    assert_eq!(page.step(), (opened, of));
    page.press("End");
    assert_eq!(page.step(), (of, of));
    page.press("Home");
    for _ in 0..4 {
        page.browser.press("ArrowRight", true).expect("a key");
        assert!(page.text("#now .head").contains("attacker"), "{}", page.text("#now"));
    }
    let said = page.text("#said");
    assert!(said.contains("attacker, ") && said.contains(" of "), "the live region says it: {said}");
    page.ended_well();
}

#[test]
fn the_twin_stands_beside_it_with_the_control_on() {
    let Some(mut page) = Page::of(BLEED) else { return };
    assert!(page.text("#run0-title").contains("Without cache.key-encoding"));
    assert!(page.text("#run1-title").contains("Every control on"));
    assert!(page.text("#sequence0").contains("200 ok") && page.text("#sequence0").contains("key-encoding off"));
    assert!(page.text("#sequence1").contains("404 not-found") && !page.text("#sequence1").contains("200 ok"));
    assert_eq!(page.read("document.querySelectorAll('#topology1 .here').length"), 1);
    page.browser.click("#parting a").expect("a link");
    page.await_text("#where", "2.634210 s");
    page.ended_well();
}

#[test]
fn a_run_that_held_shows_what_blocked_the_attack_and_a_twin_without_that() {
    let Some(mut page) = Page::of(&["run", "stride/spoofing-stolen-token", "--seed", "1"]) else { return };
    let control = "gateway.client-binding";
    assert!(page.text("#run1-title").contains(&format!("Without {control}")), "{}", page.text("#run1-title"));
    let now = page.text("#now");
    assert!(now.contains("Blocked") && now.contains(&format!("by the control {control}")), "{now}");
    page.set("kind", "denied");
    let (_, denied) = page.step();
    page.choose("requirement", "IDN-02");
    let (_, of_one) = page.step();
    assert!(0 < of_one && of_one < denied, "{of_one} of {denied}");
    page.ended_well();
}

#[test]
fn facts_are_filtered_by_tenant_node_requirement_and_text() {
    let Some(mut page) = Page::open(|file| fs::write(file, render(&replay(40))).expect("written")) else { return };
    page.set("scope", "all");
    assert_eq!(page.text("#count"), "320 of 320 rows");
    page.choose("tenant", "globex");
    assert_eq!(page.text("#count"), "80 of 320 rows", "all rows of ten requests, messages too");
    page.set("tenant", "");
    page.choose("node", "edge-a");
    assert_eq!(page.text("#count"), "80 of 320 rows", "in and out of it");
    page.set("node", "");
    page.browser.click("#topology0 [title='cell-a/policy']").expect("a node");
    assert_eq!(page.text("#count"), "120 of 320 rows");
    page.browser.click("#topology0 [title='cell-a/policy']").expect("a node");
    page.choose("requirement", "TEN-02");
    assert_eq!(page.text("#count"), "11 of 320 rows", "where its control was asked, and where it was broken");
    page.set("requirement", "");
    page.set("text", "BROKEN");
    assert_eq!(page.text("#count"), "1 of 320 rows");
    page.set("text", "no such word");
    assert_eq!(page.text("#count"), "0 of 320 rows");
    assert!(page.text("#where").contains("no step fits the filter"), "{}", page.text("#where"));
    page.browser.click(".filters [type=reset]").expect("a button");
    page.await_text("#count", "320 of 320 rows");
    page.ended_well();
}

#[test]
fn the_pointer_does_what_the_keyboard_does() {
    let Some(mut page) = Page::open(|file| fs::write(file, render(&replay(40))).expect("written")) else { return };
    page.browser.click("#first").expect("a button");
    assert_eq!(page.step().0, 1);
    page.browser.click("#next").expect("a button");
    assert_eq!(page.step().0, 2);
    page.browser.click("#last").expect("a button");
    let (at, of) = page.step();
    assert_eq!(at, of);
    page.set("time", "0");
    assert_eq!(page.step().0, 1, "the first visible step, though it comes later");
    page.browser.click("#list [role=option]:nth-child(5)").expect("a row");
    assert_eq!(page.step().0, 5);
    let link = page.read("document.getElementById('here').getAttribute('href')");
    page.browser.click("#copy").expect("a button");
    page.await_text("#copy", "Copied");
    // The link leads back to the step, in a page that is opened anew.
    let file = PathBuf::from(format!("{}{}", page.file.display(), link.as_str().expect("a link")));
    page.browser.call("Page.navigate", &json!({"url": "about:blank"})).expect("another page");
    page.browser.open(&file).expect("it opens");
    assert_eq!(page.step().0, 5);
    page.ended_well();
}

#[test]
fn a_hostile_text_is_shown_and_never_obeyed() {
    let Some(mut page) = Page::open(|file| fs::write(file, render(&replay(8))).expect("written")) else { return };
    page.press("Home");
    assert!(page.text("#now").contains(&HOSTILE.replace('\u{202e}', "\u{fffd}")), "{}", page.text("#now"));
    for _ in 0..20 {
        page.press("ArrowRight");
    }
    assert_eq!(page.read("window.obeyed ?? null"), Value::Null);
    assert_eq!(page.read("document.querySelectorAll('img, iframe, b, i').length"), 0);
    assert_eq!(page.read("document.scripts.length"), 2);
    page.ended_well();
}

#[test]
fn everything_has_a_name_and_a_role_and_fits_a_telephone() {
    let Some(mut page) = Page::of(BLEED) else { return };
    let tree = page.browser.call("Accessibility.getFullAXTree", &json!({})).expect("a tree");
    let mut met = 0;
    for node in tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["ignored"] != json!(true)) {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if ["button", "link", "combobox", "slider", "searchbox", "listbox", "option", "img"].contains(&role) {
            met += 1;
            assert_ne!(node["name"]["value"].as_str().unwrap_or_default().trim(), "", "{node}");
        }
    }
    assert!(met > 100, "{met} elements");
    let selected = "(() => { const id = document.getElementById('list').getAttribute('aria-activedescendant'); \
                    return document.getElementById(id)?.getAttribute('aria-selected'); })()";
    assert_eq!(page.read(selected), "true");
    page.browser.resize(390, 844, true).expect("a telephone");
    // Two frames, in which everything takes its new place.
    page.read("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))");
    assert_eq!(page.read("document.documentElement.scrollWidth"), 390, "nothing sticks out");
    let small = "[...document.querySelectorAll('.keys button')] \
                 .filter((b) => b.offsetHeight < 32 || b.offsetWidth < 32).length";
    assert_eq!(page.read(small), 0);
    page.ended_well();
}

/// How long a step and a filter take with fifty thousand rows is printed, and nothing is asserted about it.
#[test]
fn fifty_thousand_rows_are_stepped_through_and_few_of_them_drawn() {
    let Some(mut page) = Page::open(|file| fs::write(file, render(&replay(6_250))).expect("written")) else { return };
    page.set("scope", "all");
    assert_eq!(page.text("#count"), "50000 of 50000 rows");
    assert!(page.read("document.querySelectorAll('[role=option]').length").as_u64() < Some(60));
    let timed = |act: &str| {
        format!(
            "(async () => {{ const took = []; for (let i = 0; i < 40; i++) {{ const t = performance.now(); {act}; \
             document.body.getBoundingClientRect(); took.push(performance.now() - t); \
             await new Promise((r) => requestAnimationFrame(() => setTimeout(r))); }} \
             took.sort((a, b) => a - b); return [took[20], took[39]]; }})()"
        )
    };
    let step = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))";
    let filter = "const f = document.getElementById(['text', 'tenant', 'requirement', 'node'][i % 4]); \
                  f.value = f.value ? '' : ['record', '1', '0', '2'][i % 4]; \
                  f.dispatchEvent(new Event('input', {bubbles: true}))";
    for (name, act) in [("a step", step), ("a filter", filter)] {
        let took = page.read(&timed(act));
        eprintln!(
            "{name} of 50 000 rows takes {:.0} ms, at most {:.0} ms",
            took[0].as_f64().unwrap(),
            took[1].as_f64().unwrap()
        );
    }
    page.press("End");
    let (at, of) = page.step();
    assert_eq!(at, of);
    page.ended_well();
}

/// A gate of many scenarios: its matrices are wider than any window, and they scroll, not the page.
#[test]
fn the_report_of_a_gate_scrolls_in_its_tables_and_never_as_a_whole() {
    let mut record = reports::sample::record();
    let some = record.scenarios.clone();
    for n in 0..12 {
        record.scenarios.extend(some.iter().cloned().map(|mut scenario| {
            scenario.name = format!("{}-{n}", scenario.name);
            scenario
        }));
    }
    // It has no script that says when it is ready.
    let html = reports::render(&record, reports::Format::Html).replacen("<html", "<html data-ready=\"yes\"", 1);
    let Some(mut page) = Page::open(|file| fs::write(file, &html).expect("it is written")) else { return };
    page.read("new Promise((r) => document.readyState === 'complete' ? r(1) : addEventListener('load', () => r(1)))");
    let wide = "Math.max(...[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth))";
    for (width, phone) in [(1_300_u32, false), (390, true)] {
        page.browser.resize(width, 900, phone).expect("a window");
        page.read("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))");
        assert!(page.read(wide).as_u64() > Some(width.into()), "no table is too wide for {width}");
        let sticks_out = page.read("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(sticks_out, 0, "pixels at a width of {width}");
    }
}
